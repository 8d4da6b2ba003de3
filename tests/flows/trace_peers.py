#!/usr/bin/env python3
"""The two ends of one connection that trace_verdicts.py slows down, and who takes their CPU or interface away.

usage: trace_peers.py receive PORT BYTES LATE_SECONDS CPU        prints "ready"; then reads messages of BYTES, each
                                                                 LATE_SECONDS late, and answers by one byte
       trace_peers.py doze PORT BYTES LATE_SECONDS CPU           the same, with a sleep before that ends before it begins
       trace_peers.py send ADDRESS PORT BYTES EVERY_SECONDS CPU  prints "port N"; then writes BYTES, waits for the
                                                                 answer and EVERY_SECONDS
       trace_peers.py burst ADDRESS BYTES EVERY_SECONDS CPU      sends BYTES in datagrams, and again
       trace_peers.py burn CPU                                   computes
CPU -1: any.
"""
import ctypes
import os
import socket
import sys
import time
from collections.abc import Callable

PR_SET_TIMERSLACK = 29
DATAGRAM_BYTES = 1400
NOBODY = 9  # a port


def stay_on(cpu: int) -> None:
    """Keeps this process on one CPU."""
    if cpu >= 0:
        os.sched_setaffinity(0, {cpu})


def sleep_not_at_all() -> None:
    """The timer wakes this thread on its way to sleep, while it still has the CPU."""
    time.sleep(1e-9)


def receive(port: int, size: int, late: float, before_late: Callable[[], None] = lambda: None) -> None:
    """Takes one connection."""
    listener = socket.create_server(("", port))
    print("ready", flush=True)
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        if late > 0:
            before_late()
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


def burst(address: str, size: int, every: float) -> None:
    """Sends datagrams that nobody receives, all at once, for ever."""
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * size)
    while True:
        for _ in range(size // DATAGRAM_BYTES):
            try:
                datagrams.sendto(bytes(DATAGRAM_BYTES), (address, NOBODY))
            except ConnectionRefusedError:
                pass
        time.sleep(every)


def main() -> None:
    """Runs the role that the command line names."""
    role, *words = sys.argv[1:]
    stay_on(int(words[-1]))
    if role == "receive":
        receive(int(words[0]), int(words[1]), float(words[2]))
    elif role == "doze":
        ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1)
        receive(int(words[0]), int(words[1]), float(words[2]), sleep_not_at_all)
    elif role == "send":
        send(words[0], int(words[1]), int(words[2]), float(words[3]))
    elif role == "burst":
        burst(words[0], int(words[1]), float(words[2]))
    else:
        while True:
            pass


if __name__ == "__main__":
    try:
        main()
    except ConnectionError:  # the other end was ended first
        pass
