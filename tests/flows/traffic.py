#!/usr/bin/env python3
"""The two ends of TCP connections with known behaviour, to be run in pods.

  traffic.py serve PORT
      answers requests on IPv4 and IPv6; prints "ready", then how many seconds it really thought, a line for each request
      that made it think
  traffic.py ask ADDRESS PORT [--flows 1] [--rate 20] [--request 14480] [--response 0] [--think 0] [--seconds 600]
      each flow sends `rate` requests a second of so many bytes; the answer has `response` bytes and follows `think` seconds
      after the request's last byte. Prints "ports …" of its ends. Requests without answer make a steady stream: ten
      segments at once, so that the receiver acknowledges them at once.
"""
import argparse
import itertools
import socket
import struct
import threading
import time

HEAD = struct.Struct("!III")  # bytes of the request, head included; bytes of the answer; microseconds to think
CONGESTION = b"cubic"


def receive(connection: socket.socket, size: int) -> bool:
    """Reads that many bytes away; False at the end of the connection."""
    while size > 0:
        got = len(connection.recv(min(size, 1 << 20)))
        if got == 0:
            return False
        size -= got
    return True


def answer(connection: socket.socket) -> None:
    """Serves one connection until its other end goes."""
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while len(head := connection.recv(HEAD.size, socket.MSG_WAITALL)) == HEAD.size:
            request, response, think_us = HEAD.unpack(head)
            if not receive(connection, request - HEAD.size):
                return
            if think_us > 0:
                start = time.monotonic()
                time.sleep(think_us / 1e6)
                print(time.monotonic() - start, flush=True)
            if response > 0:
                connection.sendall(bytes(response))
    except OSError:
        pass  # the other end was killed
    finally:
        connection.close()


def serve(port: int) -> None:
    """Accepts connections for ever."""
    with socket.create_server(("::", port), family=socket.AF_INET6, backlog=1024, dualstack_ipv6=True) as listener:
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()


def connect(address: str, port: int) -> socket.socket:
    connection = socket.create_connection((address, port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, CONGESTION)
    return connection


def ask(options: argparse.Namespace) -> None:
    """Sends on all flows in turn, at even distances in time."""
    connections = [connect(options.address, options.port) for _ in range(options.flows)]
    print("ports", *(connection.getsockname()[1] for connection in connections), flush=True)
    message = HEAD.pack(options.request, options.response, round(options.think * 1e6)) + bytes(options.request - HEAD.size)
    step = 1 / (options.rate * options.flows)
    start = time.monotonic()
    for number in itertools.count():
        due = start + number * step
        if due > start + options.seconds:
            break
        time.sleep(max(0.0, due - time.monotonic()))
        connection = connections[number % options.flows]
        connection.sendall(message)
        receive(connection, options.response)
    for connection in connections:
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    server = commands.add_parser("serve")
    server.add_argument("port", type=int)
    client = commands.add_parser("ask")
    client.add_argument("address")
    client.add_argument("port", type=int)
    client.add_argument("--flows", type=int, default=1)
    client.add_argument("--rate", type=float, default=20)
    client.add_argument("--request", type=int, default=14480)
    client.add_argument("--response", type=int, default=0)
    client.add_argument("--think", type=float, default=0)
    client.add_argument("--seconds", type=float, default=600)
    options = parser.parse_args()
    if options.command == "serve":
        serve(options.port)
    else:
        ask(options)


if __name__ == "__main__":
    main()
