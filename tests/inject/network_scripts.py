"""What runs in the namespaces of network_test.py, in Python."""
HELLO = """import socket, sys, time
for address in sys.argv[1:]:
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    socket.socket(family, socket.SOCK_DGRAM).sendto(b'x', (address, 9))
time.sleep(0.2)
"""
# Pings; the answer's time is the kernel's, so that a busy machine counts little.
PING = """import os, socket, struct, sys, time
six = ':' in sys.argv[1]
s = socket.socket(*(socket.AF_INET6, socket.SOCK_RAW, 58) if six else (socket.AF_INET, socket.SOCK_RAW, 1))
s.setsockopt(socket.SOL_SOCKET, 35, 1)
s.settimeout(5)
for number in range(int(sys.argv[2])):
    head = struct.pack('!BBHHH', 128 if six else 8, 0, 0, os.getpid() & 0xffff, number)
    total = sum(struct.unpack('!4H', head))
    total = (total & 0xffff) + (total >> 16)
    start = time.time()
    s.sendto(head[:2] + struct.pack('!H', ~total & 0xffff) + head[4:], (sys.argv[1], 0))
    while True:
        data, extra, *_ = s.recvmsg(100, 100)
        if data[0 if six else 20] == (129 if six else 0) and data[-4:] == head[4:]:
            break
    seconds, nanoseconds = struct.unpack('=qq', extra[0][2])
    print('%.9f' % (seconds - start + nanoseconds * 1e-9))
    time.sleep(0.01)
"""
SEND = """import socket, sys, time
s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[2])):
    s.sendto(bytes(100), (sys.argv[1], 8))
    time.sleep(0.0002)
"""
RECEIVE = """import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
s.bind(('::', 8))
print('ready', flush=True)
count = 0
s.settimeout(20)
try:
    while True:
        s.recv(2000)
        count += 1
        s.settimeout(1.5)
except TimeoutError:
    print(count)
"""
# Names of nftables' tables, of every family; without a program that knows them.
TABLES = """import socket, struct, sys
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
s.bind((0, 0))
s.send(struct.pack('=IHHIIBBH', 20, 10 << 8 | 1, 0x301, 1, 0, 0, 0, 0))
while True:
    data = s.recv(65536)
    while data:
        length, kind = struct.unpack('=IH', data[:6])
        if kind in (2, 3):
            sys.exit()
        attributes = data[20:length]
        while attributes:
            size, name = struct.unpack('=HH', attributes[:4])
            if name & 0x3fff == 1:
                print(data[16], attributes[4:size - 1].decode())
            attributes = attributes[(size + 3) & ~3:]
        data = data[(length + 3) & ~3:]
"""
