"""Network namespaces joined by a bridge, all of them apart from the machine's own network."""
import subprocess
from pathlib import Path

SUBNET = "10.77.0"
SWITCH = "switch"
BRIDGE = "bridge0"


class Network:
    """One namespace a member, each with an eth0 on the bridge in the namespace `switch`."""

    def __init__(self, run_name: str, members: list[str]) -> None:
        self._prefix = run_name
        self._members = members

    def up(self) -> None:
        """Makes the namespaces. `ip -batch` because a process a command would take seconds."""
        switch = self.namespace(SWITCH)
        names = [switch] + [self.namespace(member) for member in self._members]
        ip(None, [f"netns add {name}" for name in names])
        ip(switch, ["link set lo up", f"link add {BRIDGE} type bridge forward_delay 0", f"link set {BRIDGE} up"])
        ip(
            None,
            [
                f"link add {self.host_end(member)} netns {switch} type veth peer name eth0 netns {self.namespace(member)}"
                for member in self._members
            ],
        )
        ip(switch, [f"link set {self.host_end(member)} master {BRIDGE} up" for member in self._members])
        for member in self._members:
            ip(
                self.namespace(member),
                ["link set lo up", f"address add {self.address(member)}/24 dev eth0", "link set eth0 up"],
            )

    def namespace(self, member: str) -> str:
        """The name under /run/netns."""
        return f"{self._prefix}.{member}"

    def file(self, member: str) -> Path:
        """What a process enters to be in the member's network (nsenter --net=…)."""
        return Path("/run/netns") / self.namespace(member)

    def host_end(self, member: str) -> str:
        """The member's interface in the namespace `switch`, a port of BRIDGE there."""
        return f"to-{member}"

    def address(self, member: str) -> str:
        """The member's IPv4 address."""
        return f"{SUBNET}.{2 + self._members.index(member)}"

    def down(self) -> None:
        """Removes the namespaces; their interfaces go with them."""
        for member in self._members + [SWITCH]:
            if self.file(member).exists():
                ip(None, [f"netns delete {self.namespace(member)}"])


def ip(namespace: str | None, commands: list[str]) -> None:
    """Runs commands of `ip` in a named namespace (None: here); one process for all. Raises where one fails."""
    within = ["-n", namespace] if namespace else []
    done = subprocess.run(
        ["ip", *within, "-batch", "-"],
        input="\n".join(commands) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(
            f"ip {' '.join(within)}: {done.stderr.strip() or done.returncode}; commands: {commands}"
        )
