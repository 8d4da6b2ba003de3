#!/usr/bin/env python3
"""The two ends of one connection that trace_verdicts.py slows down, and who takes their CPU away.

usage: trace_peers.py receive PORT BYTES LATE_SECONDS CPU        prints "ready"; then reads messages of BYTES, each
                                                                 LATE_SECONDS late, and answers by one byte
       trace_peers.py send ADDRESS PORT BYTES EVERY_SECONDS CPU  prints "port N"; then writes BYTES, waits for the
                                                                 answer and EVERY_SECONDS
       trace_peers.py burn CPU                                   computes
CPU -1: any.
"""
import os
import socket
import sys
import time


def stay_on(cpu: int) -> None:
    """Keeps this process on one CPU."""
    if cpu >= 0:
        os.sched_setaffinity(0, {cpu})


def receive(port: int, size: int, late: float) -> None:
    """Takes one connection."""
    listener = socket.create_server(("", port))
    print("ready", flush=True)
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        if late > 0:
            time.sleep(late)
        left = size
        while left > 0:
            read = len(connection.recv(left))
            if read == 0:
                return
            left -= read
        connection.send(b"k")


def send(address: str, port: int, size: int, every: float) -> None:
    """Writes until the other end is gone. The answer is waited for: one that lies unread would be this end's delay."""
    connection = socket.create_connection((address, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print("port", connection.getsockname()[1], flush=True)
    message = bytes(size)
    while True:
        connection.sendall(message)
        connection.recv(4096)
        time.sleep(every)


def main() -> None:
    """Runs the role that the command line names."""
    role, *words = sys.argv[1:]
    stay_on(int(words[-1]))
    if role == "receive":
        receive(int(words[0]), int(words[1]), float(words[2]))
    elif role == "send":
        send(words[0], int(words[1]), int(words[2]), float(words[3]))
    else:
        while True:
            pass


if __name__ == "__main__":
    try:
        main()
    except ConnectionError:  # the other end was ended first
        pass
