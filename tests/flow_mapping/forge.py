#!/usr/bin/env python3
"""Sends packets that look like a tunnel's and come from none: VXLAN, Geneve and IP-in-IP with made-up pods inside.

usage: forge.py ADDRESS COUNT      (so many of each kind, between 10.66.0.0/16 and 10.67.0.0/16; prints "sent")
"""
import socket
import struct
import sys

ETHERNET = struct.pack("!6s6sH", b"\2\0\0\0\0\1", b"\2\0\0\0\0\2", 0x0800)


def inner(number: int) -> bytes:
    """A TCP segment between two pods that do not exist."""
    tcp = struct.pack("!HHIIBBHHH", 40000, 80, 1000, 2000, 0x50, 0x10, 1024, 0, 0)
    low = divmod(number, 250)
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, socket.IPPROTO_TCP, 0, bytes((10, 66, *low)),
                       bytes((10, 67, *low))) + tcp


def main() -> None:
    address, count = sys.argv[1], int(sys.argv[2])
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    packets = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IPIP)
    for number in range(count):
        datagrams.sendto(struct.pack("!II", 0x08000000, 42 << 8) + ETHERNET + inner(number), (address, 4789))
        datagrams.sendto(struct.pack("!BBHI", 0, 0, 0x0800, 77 << 8) + inner(number), (address, 6081))
        packets.sendto(inner(number), (address, 0))
    print("sent", flush=True)


if __name__ == "__main__":
    main()
