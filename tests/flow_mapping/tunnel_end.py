#!/usr/bin/env python3
"""One end of a tunnel in user space, for kernels without the interface types: a tun device and a socket.

usage: tunnel_end.py geneve|ipip DEVICE LOCAL REMOTE [--vni 77] [--options 8]
Makes the device in the network namespace that it runs in, prints "ready" and carries packets until it is killed. With
geneve it writes Ethernet frames behind that many bytes of options (RFC 8926), with ipip the packets themselves (RFC 2003).
"""
import argparse
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 1, 0x1000
PORT = 6081
ETHERNET, ETHERNET_IN_GENEVE = struct.pack("!6s6sH", b"\2\0\0\0\0\1", b"\2\0\0\0\0\2", 0x0800), 0x6558


def open_tun(name: str) -> int:
    """The descriptor of a new tun device: one IP packet for each read and write."""
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


class Geneve:
    def __init__(self, options: argparse.Namespace) -> None:
        self.remote = (options.remote, PORT)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((options.local, PORT))
        words = options.options // 4
        self.head = struct.pack("!BBHI", words, 0, ETHERNET_IN_GENEVE, options.vni << 8) + bytes(4 * words) + ETHERNET

    def send(self, packet: bytes) -> None:
        self.socket.sendto(self.head + packet, self.remote)

    def receive(self) -> bytes:
        datagram = self.socket.recv(65536)
        return datagram[8 + 4 * (datagram[0] & 0x3F) + len(ETHERNET):]


class IpInIp:
    def __init__(self, options: argparse.Namespace) -> None:
        self.remote = (options.remote, 0)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IPIP)
        self.socket.bind((options.local, 0))

    def send(self, packet: bytes) -> None:
        self.socket.sendto(packet, self.remote)  # the kernel puts the outer header before it

    def receive(self) -> bytes:
        packet = self.socket.recv(65536)
        return packet[4 * (packet[0] & 0x0F):]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("geneve", "ipip"))
    for name in ("device", "local", "remote"):
        parser.add_argument(name)
    parser.add_argument("--vni", type=int, default=77)
    parser.add_argument("--options", type=int, default=8, help="a multiple of 4")
    options = parser.parse_args()
    device = open_tun(options.device)
    tunnel = Geneve(options) if options.kind == "geneve" else IpInIp(options)
    print("ready", flush=True)
    while True:
        for ready in select.select([device, tunnel.socket], [], [])[0]:
            if ready == device:
                tunnel.send(os.read(device, 65536))
            else:
                try:
                    os.write(device, tunnel.receive())
                except OSError as error:  # the device is not up yet, or it was no packet
                    print(f"tunnel_end.py: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
