#!/usr/bin/env python3
"""Prints what VXLAN packets leave by an interface: for each "OUTER-PORT INNER-SOURCE-PORT INNER-DESTINATION-PORT".

usage: sniff_outer.py INTERFACE PACKETS      (of IPv4 with TCP inside; by an AF_PACKET socket, without the exporter's help)
"""
import socket
import struct
import sys


def main() -> None:
    interface, wanted = sys.argv[1], int(sys.argv[2])
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    sniffer.bind((interface, 0))
    sniffer.settimeout(30)
    print("ready", flush=True)
    while wanted > 0:
        frame, address = sniffer.recvfrom(65536)
        if address[2] != socket.PACKET_OUTGOING or frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_UDP:
            continue
        outer_port, port = struct.unpack("!HH", frame[34:38])
        inner = frame[34 + 8 + 8 + 14:]
        if port == 4789 and inner[9] == socket.IPPROTO_TCP:
            print(outer_port, *struct.unpack("!HH", inner[20:24]), flush=True)
            wanted -= 1


if __name__ == "__main__":
    main()
