"""Hosts on one machine: namespaces with an address, a file system, processes and an sshd of their own.

Ray's launcher logs in to each as to any machine, and a ``ray stop`` on one reaches none of the others.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

INIT = Path(__file__).with_name("host.sh")
PROGRAMS = ("ip", "nsenter", "pgrep", "rsync", "setpriv", "ssh", "ssh-keygen", "unshare", "/usr/sbin/sshd")
NSENTER, SETPRIV, KEYGEN = (shutil.which(name) or name for name in ("nsenter", "setpriv", "ssh-keygen"))
# What a host needs and a container may refuse: namespaces with a mount and an overlay of their own.
SPACES = ("--net", "--pid", "--mount", "--uts", "--ipc", "--mount-proc", "--fork", "--kill-child")
OVERLAY = "-o lowerdir=/etc,upperdir=/mnt/a,workdir=/mnt/b overlay /mnt/c"
PROBE = f"mount -t tmpfs tmpfs /mnt && mkdir /mnt/a /mnt/b /mnt/c && mount -t overlay {OVERLAY}"
NETWORK = "10.77.0"  # known inside the namespaces alone
SECONDS = 180.0


@dataclass(frozen=True)
class Host:
    """One host.

    Attributes:
        name: its host name.
        address: its address.
        process: the first process in its namespaces, as this machine counts.
        log: what sshd says.
    """

    name: str
    address: str
    process: int
    log: Path

    def path(self, path: str) -> Path:
        """A file of the host, as this machine reaches it."""
        return Path(f"/proc/{self.process}/root{path}")

    def popen(self, command: str, log: Path) -> subprocess.Popen[bytes]:
        """Start a command in a login shell of the host."""
        with log.open("wb") as output:
            return subprocess.Popen(
                self._enter(command), stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )

    def run(self, command: str, seconds: float = SECONDS) -> str:
        """Run a command in a login shell of the host; return what it says, fail where it fails."""
        ended = subprocess.run(
            self._enter(command),
            capture_output=True,
            text=True,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert ended.returncode == 0, (
            f"{self.name}: {command}: {ended.returncode}\n{ended.stdout}{ended.stderr}"
        )
        return ended.stdout

    def _enter(self, command: str) -> list[str]:
        environment = ["env", "-i", "HOME=/root", "USER=root", "LANG=C.UTF-8", f"PATH={os.defpath}:/usr/sbin"]
        shell = ["bash", "-c", f". ~/.bashrc; cd; {command}"]
        return [NSENTER, "--target", str(self.process), "--all", *environment, *shell]


@dataclass(frozen=True)
class Network:
    """The hosts and the switch between them."""

    hosts: dict[str, Host]
    switch: int

    def link(self, name: str, state: str) -> None:
        """Set the link of a host ``up`` or ``down``, at the switch: the host notices no loss of carrier."""
        _ip(self.switch, "link", "set", name, state)


def missing() -> str | None:
    """What this machine lacks for such hosts; None when it has all."""
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    if os.geteuid() != 0:
        return "needs root, for namespaces"
    if lacking:
        return f"needs {', '.join(lacking)} (Debian: iproute2, openssh-server, procps, rsync)"
    tried = subprocess.run(
        [SETPRIV, "--pdeathsig", "KILL", "unshare", *SPACES, "sh", "-c", PROBE],
        capture_output=True,
        text=True,
        check=False,
    )
    return None if tried.returncode == 0 else f"namespaces are refused: {tried.stderr.strip()}"


@contextmanager
def network(names: Sequence[str], folder: Path, kept: Sequence[Path]) -> Iterator[Network]:
    """Make hosts, and end them with all their processes.

    Args:
        names: host names, at most 15 characters; the first gets the address .1 and so on.
        folder: for keys and logs.
        kept: folders of this machine that every host sees as they are, beside Python.
    """
    subprocess.run([KEYGEN, "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
    started: list[subprocess.Popen[bytes]] = []
    hosts: dict[str, Host] = {}
    try:
        switch = _start(
            started, ["--net", "--fork", "--kill-child"], ["sleep", "infinity"], folder / "switch.log"
        )
        _ip(switch, "link", "add", "switch", "type", "bridge")
        _ip(switch, "address", "add", f"{NETWORK}.254/24", "dev", "switch")
        _ip(switch, "link", "set", "switch", "up")
        for number, name in enumerate(names, 1):
            hosts[name] = _host(started, switch, name, f"{NETWORK}.{number}", folder, kept)
        for host in hosts.values():
            _wait_ready(host)
        yield Network(hosts, switch)
    finally:
        for process in started:  # --kill-child: the first process of the namespaces goes with it, then all
            process.kill()
            process.wait()
        _wait_for(lambda: not any(Path(f"/proc/{host.process}").exists() for host in hosts.values()))


def _host(
    started: list[subprocess.Popen[bytes]],
    switch: int,
    name: str,
    address: str,
    folder: Path,
    kept: Sequence[Path],
) -> Host:
    folders = [sys.base_prefix, *map(str, kept)]
    command = ["bash", str(INIT), name, str(folder), sys.prefix, *folders]
    log = folder / f"{name}.log"
    process = _start(started, SPACES, command, log)
    _ip(switch, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(process))
    _ip(switch, "link", "set", name, "master", "switch", "up")
    _ip(process, "address", "add", f"{address}/24", "dev", "eth0")
    _ip(process, "link", "set", "lo", "up")
    _ip(process, "link", "set", "eth0", "up")
    _ip(process, "route", "add", "default", "via", f"{NETWORK}.254")  # Ray finds its address by a route
    return Host(name, address, process, log)


def _start(
    started: list[subprocess.Popen[bytes]], spaces: Sequence[str], command: Sequence[str], log: Path
) -> int:
    """Start a command in namespaces that end with this process; return its process id."""
    with log.open("wb") as output:
        outer = subprocess.Popen(
            [SETPRIV, "--pdeathsig", "KILL", "unshare", *spaces, *command],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
        )
    started.append(outer)
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        with suppress(FileNotFoundError):
            if found := children.read_text().split():
                return int(found[0])
        assert outer.poll() is None, log.read_text()
        time.sleep(0.02)
    raise TimeoutError(f"{command}: no process after {SECONDS} s")


def _wait_ready(host: Host) -> None:
    def ready() -> bool:
        assert Path(f"/proc/{host.process}").exists(), host.log.read_text()
        return "ready" in host.log.read_text()

    _wait_for(ready)


def _wait_for(ready: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not ready():
        if time.monotonic() > until:
            raise TimeoutError(f"not so after {SECONDS} s")
        time.sleep(0.05)


def _ip(process: int, *arguments: str) -> None:
    subprocess.run([NSENTER, "--target", str(process), "--net", "ip", *arguments], check=True)
