"""A virtual machine with one of Debian's kernels that has the host's root as its own, read-only. qemu computes every
instruction of it (no KVM), so it is 10 to 20 times slower than the host.

Needs root, and Debian's qemu-system-x86, busybox-static, e2fsprogs. Downloads kernels with apt-get.
"""
import glob
import lzma
import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import zlib
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("SONDE_BUILD", "build/release"))
CACHE = os.path.join(os.path.dirname(BUILD), "kernels")
VIRTIOFSD = "/usr/lib/qemu/virtiofsd"
MEGABYTES = 1280
# In the order in which they need each other; in some kernels a part of them is built in.
MODULES = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "fuse", "virtiofs",
           "veth", "sch_ingress", "sch_netem", "sch_tbf", "cls_bpf", "cls_u32", "inet_diag", "tcp_diag")
# Where these are in a kernel's package.
MODULE_PLACES = ("drivers/virtio", "fs/fuse", "drivers/net/veth.ko*", "net/sched", "net/ipv4/*_diag.ko*")
FIRST_PROGRAM = """#!/bin/busybox sh
for module in /modules/*.ko; do [ -e "$module" ] && /bin/busybox insmod "$module"; done
/bin/busybox mount -t virtiofs -o ro hostfs /root
exec /bin/busybox switch_root /root /usr/bin/env {variables} /bin/sh {script}
"""


class Unavailable(Exception):
    """Why there can be no such machine here."""


def run(*command: str) -> str:
    """The output of a command; Unavailable with its last words if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"{shlex.join(command)}: {done.stderr.strip()[-300:]}")
    return done.stdout


def check_host() -> None:
    """Raises Unavailable where a program is missing."""
    if os.getuid() != 0:
        raise Unavailable("needs root, to share the host's files")
    for program in ("qemu-system-x86_64", VIRTIOFSD, "busybox", "mkfs.ext4"):
        if not shutil.which(program):
            raise Unavailable(f"needs {program}: apt-get install qemu-system-x86 busybox-static e2fsprogs")


def kernel(meta_package: str) -> str:
    """The folder with the files of the kernel that this package stands for, which are fetched unless they are there."""
    for lists in ("as they are", "fetched anew"):  # lists that are too old name a version that is gone
        try:
            if lists == "fetched anew":
                run("apt-get", "update", "-qq", "-o", "DPkg::Lock::Timeout=400")
            return _kernel_of_the_lists(meta_package)
        except Unavailable as error:
            reason = error
    raise reason


def _kernel_of_the_lists(meta_package: str) -> str:
    depends = re.search(r"Depends: (linux-image-\S+)", run("apt-cache", "depends", meta_package))
    if not depends:
        raise Unavailable(f"Debian's package lists have no {meta_package}")
    # What is kept from a version of this file that took other parts of the package is of no use.
    parts = f"{zlib.crc32(' '.join(MODULE_PLACES).encode()):08x}"
    folder = os.path.join(CACHE, meta_package, f"{depends[1]}-{parts}")
    if os.path.isdir(folder):
        return folder
    shutil.rmtree(os.path.dirname(folder), ignore_errors=True)  # older ones
    os.makedirs(os.path.dirname(folder))
    with tempfile.TemporaryDirectory(dir=CACHE) as fresh:
        places = " ".join(f"'./lib/modules/*/kernel/{place}'" for place in MODULE_PLACES)
        run("sh", "-c", f"cd {shlex.quote(fresh)} && apt-get download -qq -o APT::Sandbox::User=root {depends[1]} && "
            f"dpkg-deb --fsys-tarfile *.deb | tar -x --wildcards './boot/vmlinuz-*' {places} && rm *.deb")
        os.rename(fresh, folder)
    return folder


class Machine:
    """`with Machine(kernel("linux-image-cloud-amd64")) as machine: machine.boot("/script.sh", seconds=60)`."""

    def __init__(self, kernel_files: str) -> None:
        self.files = kernel_files
        self.folder = tempfile.mkdtemp(prefix="sonde-kernel-")
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        shutil.rmtree(self.folder)

    def boot(self, script: str, seconds: float, **variables: str) -> str:
        """Runs a shell script as process 1; returns what came over the serial line until the machine was switched off
        or its time was up. Its disk /dev/nvme0n1 has an empty ext4."""
        disk = f"{self.folder}/disk"
        with open(disk, "wb") as file:
            file.truncate(64 << 20)
        run("mkfs.ext4", "-q", disk)
        first_files = self._first_files(script, variables)
        # virtiofsd gets its socket from here: one that it makes itself leaves a file in /run.
        with open(f"{self.folder}/console", "wb") as console, socket.socket(socket.AF_UNIX) as files:
            files.bind(f"{self.folder}/files")
            files.listen()
            self._start([VIRTIOFSD, f"--fd={files.fileno()}", "-o", "source=/,cache=always,sandbox=chroot",
                         "--rlimit-nofile=10000", "-f"], stderr=subprocess.DEVNULL, pass_fds=[files.fileno()])
            machine = self._start(
                ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-smp", "2", "-m", str(MEGABYTES),
                 "-object", f"memory-backend-memfd,id=memory,size={MEGABYTES}M,share=on", "-numa", "node,memdev=memory",
                 "-chardev", f"socket,id=files,path={self.folder}/files",
                 "-device", "vhost-user-fs-pci,chardev=files,tag=hostfs",
                 "-drive", f"file={disk},format=raw,if=none,id=disk", "-device", "nvme,serial=1,drive=disk",
                 "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio",
                 "-kernel", glob.glob(f"{self.files}/boot/vmlinuz-*")[0], "-initrd", first_files,
                 "-append", "console=ttyS0 quiet panic=-1 tsc=reliable"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console)
            try:
                machine.wait(seconds)
            except subprocess.TimeoutExpired:
                console.write(f"\nswitched off: its {seconds} s were over\n".encode())
        with open(f"{self.folder}/console", encoding="utf-8", errors="replace") as text:
            return text.read().replace("\r", "")

    def _start(self, command: list[str], **options: Any) -> "subprocess.Popen[bytes]":
        """A process that ends with this one at the latest."""
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], **options)
        self.processes.append(process)
        return process

    def _first_files(self, script: str, variables: dict[str, str]) -> str:
        """The archive from which the kernel starts: it mounts the host's files and runs the script from there."""
        root = f"{self.folder}/first"
        for part in ("bin", "modules", "root"):
            os.makedirs(f"{root}/{part}")
        shutil.copy("/bin/busybox", f"{root}/bin")
        for number, module in enumerate(MODULES):
            for file in glob.glob(f"{self.files}/lib/modules/*/kernel/**/{module}.ko*", recursive=True):
                with (lzma.open if file.endswith(".xz") else open)(file, "rb") as packed:
                    content = packed.read()
                with open(f"{root}/modules/{number:02}-{module}.ko", "wb") as plain:
                    plain.write(content)
        with open(f"{root}/init", "w", encoding="utf-8") as file:
            words = [shlex.quote(f"{name}={value}") for name, value in variables.items()]
            file.write(FIRST_PROGRAM.format(variables=" ".join(words), script=shlex.quote(script)))
        os.chmod(f"{root}/init", 0o755)
        archive = f"{self.folder}/first.cpio"
        run("sh", "-c", f"cd {root} && find . | busybox cpio -o -H newc >{archive}")
        return archive
