#!/usr/bin/python3
"""sonde-exporter on containers of a real dockerd: named through its socket, and by its files."""
import os
import signal
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "exporter")]
from containerd import IMAGE, Containerd, write_image  # noqa: E402
from running_exporter import RunningExporter, samples, value  # noqa: E402

DEADLINE_SECONDS = 60
CPU = "sonde_container_cpu_usage_seconds_total"
NAMES = {"namespace": "", "pod": "", "container": "shop-api-2", "service": "api"}


class Dockerd:
    """A dockerd of the test's own beside a containerd of its own."""

    def __init__(self, runtime: Containerd) -> None:
        self.runtime = runtime
        self.socket = f"{runtime.rootfs}/run/docker.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Dockerd":
        with open(f"{self.runtime.folder}/dockerd.log", "wb") as log:
            self.process = subprocess.Popen(
                ["dockerd", f"--data-root={self.runtime.rootfs}/var/lib/docker", f"--exec-root={self.runtime.folder}/exec",
                 f"--pidfile={self.runtime.folder}/dockerd.pid", "-H", f"unix://{self.socket}", "--iptables=false",
                 "--bridge=none", "--oom-score-adjust=0", f"--containerd={self.runtime.socket}", "--storage-driver=vfs",
                 "--exec-opt=native.cgroupdriver=cgroupfs", f"--cgroup-parent={self.runtime.parent}/docker"],
                stdout=log, stderr=log)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while subprocess.run(["docker", "-H", f"unix://{self.socket}", "version"], check=False, capture_output=True).returncode:
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.__exit__()
                with open(f"{self.runtime.folder}/dockerd.log", encoding="utf-8", errors="replace") as text:
                    raise AssertionError("dockerd does not answer:\n" + text.read()[-3000:])
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)  # it ends its containers
        try:
            self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def docker(self, *words: str) -> str:
        done = subprocess.run(["docker", "-H", f"unix://{self.socket}", *words], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@unittest.skipIf(os.getuid() != 0, "needs root to run containers")
class DockerContainers(unittest.TestCase):
    def test_have_the_names_that_docker_gives_them(self) -> None:
        with Containerd() as runtime, Dockerd(runtime) as dockerd:
            archive = f"{runtime.folder}/docker-busybox.tar"
            write_image(archive, IMAGE, {"bin/busybox": "/bin/busybox"}, ["/bin/busybox"])
            dockerd.docker("load", "-i", archive)
            container = dockerd.docker("run", "-d", "--network=host", "--name=shop-api-2",
                                       "--label=com.docker.compose.service=api", IMAGE, "/bin/busybox", "sleep", "600")
            for what, flags in (("by its socket", ("--no-container.state-files", "--container.cri=none")),
                                ("by its files", ("--container.docker=none", "--container.cri=none"))):
                with self.subTest(what), RunningExporter(f"--path.rootfs={runtime.rootfs}", *flags) as exporter:
                    deadline = time.monotonic() + DEADLINE_SECONDS
                    while value(page := exporter.page(), CPU, **NAMES) is None:
                        self.assertLess(time.monotonic(), deadline)
                    info = next(dict(labels) for (name, labels), _ in samples(page)
                                if name == "sonde_container_info" and ("id", container) in labels)
                    self.assertLessEqual(NAMES.items(), info.items())
                    self.assertEqual((info["runtime"], info["image"]), ("docker", IMAGE))
                    self.assertTrue(info["image_digest"].startswith("sha256:"), info)
                    started = value(page, "sonde_container_start_time_seconds", **NAMES)
                    assert started is not None
                    self.assertLess(abs(started - time.time()), DEADLINE_SECONDS)
                    if "--container.docker=none" not in flags:
                        self.assertEqual(value(page, "sonde_exporter_name_source_up", source="docker"), 1)
            dockerd.docker("rm", "-f", container)


if __name__ == "__main__":
    unittest.main(verbosity=2)
