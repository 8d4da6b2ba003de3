#!/bin/sh
# Process 1 of the guest: gives it what a system has, runs guest.py and switches the machine off.
# Variables: SONDE_BUILD, PREPARED (containerd's images), PARTS (classes of guest.py).
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /run
mount -t tmpfs tmp /var/lib
mount -t ext4 /dev/nvme0n1 /var/tmp
mount -t cgroup2 cgroup /sys/fs/cgroup
echo "+cpu +io +memory +pids" >/sys/fs/cgroup/cgroup.subtree_control
ip link set lo up
echo sonde-guest >/proc/sys/kernel/hostname
mkdir /run/tmp
export TMPDIR=/run/tmp HOME=/run PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONDONTWRITEBYTECODE=1
uname -sr
/usr/bin/python3 "$(dirname "$0")/guest.py" $PARTS
cp /bin/busybox /run
exec /run/busybox poweroff -f
