"""A containerd of the test's own, and pods through its Container Runtime Interface (CRI).

Needs root, and Debian's containerd, runc, busybox-static, python3-grpcio, protobuf-compiler.
"""
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import uuid
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
IMAGE = "localhost/busybox:1"
PAUSE_IMAGE = "localhost/pause:1"
CNI_PLUGINS = "/usr/lib/cni"
CNI_CACHE = "/var/lib/cni"  # made where a network is; there is no option for it
POD_SUBNET = "10.99.0.0/24"
DEADLINE_SECONDS = 60


def write_image(path: str, name: str, files: dict[str, str], command: list[str]) -> None:
    """A docker-archive of one layer with these executables (name to the file that it is)."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for target, source in files.items():
            entry = tar.gettarinfo(source, arcname=target)
            entry.mode = 0o755
            with open(source, "rb") as file:
                tar.addfile(entry, file)
    import hashlib  # noqa: PLC0415
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": command},
                         "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as tar:
        for member, content in (("config.json", config), ("manifest.json", manifest), ("layer.tar", layer.getvalue())):
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def prepare(folder: str) -> None:
    """Writes what compilers make: the Python module of cri_api.proto, and the two images."""
    subprocess.run(["protoc", f"--proto_path={HERE}", f"--python_out={folder}", f"{HERE}/cri_api.proto"], check=True)
    pause = f"{folder}/pause"
    subprocess.run(["gcc", "-static", "-O1", "-o", pause, "-x", "c", "-"], check=True,
                   input=b"#include <unistd.h>\nint main(void) { for (;;) pause(); }\n")
    write_image(f"{folder}/pause.tar", PAUSE_IMAGE, {"pause": pause}, ["/pause"])
    write_image(f"{folder}/busybox.tar", IMAGE, {"bin/busybox": "/bin/busybox"}, ["/bin/busybox"])


def generated_messages(folder: str) -> Any:
    """The module that prepare() has written there."""
    sys.path.insert(0, folder)
    import cri_api_pb2  # noqa: PLC0415
    return cri_api_pb2


def cgroup_roots() -> list[str]:
    """Mount points of every cgroup hierarchy."""
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        lines = [line.split(" - ") for line in mounts]
    return [before.split()[4] for before, after in lines if after.split()[0] in ("cgroup", "cgroup2")]


class Containerd:
    """`with Containerd() as runtime:`; its root file system for --path.rootfs is `runtime.rootfs`.

    All that it writes is in a folder of its own in `below`, a short path because those of sockets must be. `prepared`
    is a folder that prepare() has filled; without it that is done now. `network` is the name of a network namespace in
    which it runs and has the other ends of its pods' interfaces; without it pods are on the host's network.
    """

    def __init__(self, below: str = "/tmp", prepared: str | None = None, network: str | None = None) -> None:
        self.network = network
        self.had_cni_cache = os.path.exists(CNI_CACHE)
        self.folder = tempfile.mkdtemp(prefix="sonde-cri-", dir=below)
        self.rootfs = f"{self.folder}/host"
        self.socket = f"{self.rootfs}/run/containerd/containerd.sock"
        self.parent = f"/sonde-cri-{os.getpid()}"
        self.process: subprocess.Popen[bytes] | None = None
        self.pods: list[str] = []
        if prepared is None:
            prepare(self.folder)
        self.prepared = prepared or self.folder
        self.api = generated_messages(self.prepared)

    def __enter__(self) -> "Containerd":
        try:
            self._write_config()
            self.start()
            self._import_images()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is None and self.pods:
            self.start()  # only it can end its pods
        for pod in list(self.pods):
            self.remove_pod(pod)
        self.stop()
        for root in cgroup_roots():
            for folder, _, _ in os.walk(root + self.parent, topdown=False):
                os.rmdir(folder)
        with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
            points = [line.split()[4] for line in mounts]
        for point in reversed([point for point in points if point.startswith(self.folder)]):
            subprocess.run(["umount", point], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.network is not None and not self.had_cni_cache:
            shutil.rmtree(CNI_CACHE, ignore_errors=True)

    def _write_config(self) -> None:
        os.makedirs(f"{self.rootfs}/run/containerd")
        os.makedirs(f"{self.folder}/cni")
        if self.network is not None:
            self._write_network()
        with open(f"{self.folder}/config.toml", "w", encoding="utf-8") as file:
            file.write(f'''version = 2
root = "{self.folder}/root"
state = "{self.rootfs}/run/containerd"
[grpc]
  address = "{self.socket}"
[ttrpc]
  address = "{self.socket}.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PLUGINS}"
    conf_dir = "{self.folder}/cni"
''')

    def _write_network(self) -> None:
        """Each pod gets an interface whose other end is here."""
        ipam = {"type": "host-local", "dataDir": f"{self.folder}/addresses", "ranges": [[{"subnet": POD_SUBNET}]],
                "routes": [{"dst": "0.0.0.0/0"}]}
        with open(f"{self.folder}/cni/pods.conflist", "w", encoding="utf-8") as file:
            json.dump({"cniVersion": "0.4.0", "name": f"sonde-test-{os.getpid()}",
                       "plugins": [{"type": "ptp", "ipMasq": False, "ipam": ipam}]}, file)

    def start(self, cri: bool = True) -> None:
        """Starts it, or starts it again: the containers live on meanwhile. Without `cri` it does not offer that
        interface, as Docker's own containerd."""
        config = f"{self.folder}/config.toml"
        if not cri:
            with open(config, encoding="utf-8") as file:
                text = file.read()
            config = f"{self.folder}/without-cri.toml"
            with open(config, "w", encoding="utf-8") as file:
                file.write('disabled_plugins = ["io.containerd.grpc.v1.cri"]\n' + text)
        log = open(f"{self.folder}/containerd.log", "ab")  # noqa: SIM115
        with log:
            place = ["nsenter", f"--net=/run/netns/{self.network}"] if self.network is not None else []
            self.process = subprocess.Popen([*place, "containerd", "-c", config], stdout=log, stderr=log)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            try:
                self.call("ListContainerStats", self.api.ListContainerStatsRequest(), self.api.ListContainerStatsResponse)
                return
            except Exception as error:  # noqa: BLE001
                if not cri and "UNIMPLEMENTED" in str(error):
                    return
                if time.monotonic() > deadline or self.process.poll() is not None:
                    with open(f"{self.folder}/containerd.log", encoding="utf-8", errors="replace") as text:
                        raise AssertionError(f"containerd does not answer: {error}\n{text.read()[-3000:]}") from error
                time.sleep(0.05)

    def stop(self) -> None:
        """Ends containerd alone; it removes its socket. The containers live on."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _import_images(self) -> None:
        for name in ("pause", "busybox"):
            subprocess.run(["ctr", "--address", self.socket, "-n", "k8s.io", "images", "import", "--snapshotter", "native",
                            f"{self.prepared}/{name}.tar"], check=True, stdout=subprocess.DEVNULL)

    def call(self, method: str, request: Any, reply: Any) -> Any:
        """One CRI call."""
        import grpc  # noqa: PLC0415
        with grpc.insecure_channel(f"unix:{self.socket}", [("grpc.default_authority", "localhost")]) as channel:
            function = channel.unary_unary(f"/runtime.v1.RuntimeService/{method}",
                                           request_serializer=type(request).SerializeToString,
                                           response_deserializer=reply.FromString)
            return function(request, timeout=DEADLINE_SECONDS)

    def run_pod(self, name: str, namespace: str = "shop", labels: dict[str, str] | None = None) -> tuple[str, Any]:
        """A pod as kubelet would ask for it; its id and configuration."""
        api = self.api
        hostname, mode = ("", api.NODE) if self.network is None else (name, api.POD)
        uid = str(uuid.uuid4())
        identity = {"io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace, "io.kubernetes.pod.uid": uid}
        config = api.PodSandboxConfig(
            metadata=api.PodSandboxMetadata(name=name, uid=uid, namespace=namespace),
            hostname=hostname, log_directory=f"{self.folder}/logs", labels={**identity, **(labels or {})},
            linux=api.LinuxPodSandboxConfig(
                cgroup_parent=f"{self.parent}/burstable/pod{uid}",
                security_context=api.LinuxSandboxSecurityContext(namespace_options=api.NamespaceOption(network=mode))))
        reply = self.call("RunPodSandbox", api.RunPodSandboxRequest(config=config), api.RunPodSandboxResponse)
        self.pods.append(reply.pod_sandbox_id)
        return reply.pod_sandbox_id, config

    def run_container(self, pod: tuple[str, Any], name: str, *command: str, **resources: int) -> str:
        """A container of a pod, started; its id."""
        api = self.api
        config = api.ContainerConfig(
            metadata=api.ContainerMetadata(name=name), image=api.ImageSpec(image=IMAGE),
            command=["/bin/busybox", *command], labels={"io.kubernetes.container.name": name},
            linux=api.LinuxContainerConfig(
                resources=api.LinuxContainerResources(**resources),
                security_context=api.LinuxContainerSecurityContext(
                    namespace_options=pod[1].linux.security_context.namespace_options)))
        created = self.call("CreateContainer", api.CreateContainerRequest(
            pod_sandbox_id=pod[0], config=config, sandbox_config=pod[1]), api.CreateContainerResponse)
        self.call("StartContainer", api.StartContainerRequest(container_id=created.container_id),
                  api.StartContainerResponse)
        return created.container_id

    def wait_for(self, container: str) -> int:
        """Waits until a container has ended by itself; its exit code."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            status = self.call("ContainerStatus", self.api.ContainerStatusRequest(container_id=container),
                               self.api.ContainerStatusResponse).status
            if status.state == self.api.CONTAINER_EXITED:
                return status.exit_code
            assert time.monotonic() < deadline, "the container does not end"
            time.sleep(0.02)

    def remove_container(self, container: str) -> None:
        api = self.api
        self.call("StopContainer", api.StopContainerRequest(container_id=container), api.StopContainerResponse)
        self.call("RemoveContainer", api.RemoveContainerRequest(container_id=container), api.RemoveContainerResponse)

    def remove_pod(self, pod: str) -> None:
        api = self.api
        self.call("StopPodSandbox", api.StopPodSandboxRequest(pod_sandbox_id=pod), api.StopPodSandboxResponse)
        self.call("RemovePodSandbox", api.RemovePodSandboxRequest(pod_sandbox_id=pod), api.RemovePodSandboxResponse)
        self.pods.remove(pod)

    def stats(self, container: str) -> tuple[float, float]:
        """CPU seconds and working set in bytes, as the runtime itself measures them."""
        reply = self.call("ListContainerStats", self.api.ListContainerStatsRequest(), self.api.ListContainerStatsResponse)
        for one in reply.stats:
            if one.attributes.id == container:
                return one.cpu.usage_core_nano_seconds.value / 1e9, float(one.memory.working_set_bytes.value)
        raise AssertionError(f"the runtime has no statistics of {container}")
