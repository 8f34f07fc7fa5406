"""Hosts made of namespaces: each is a machine of its own, a link can be cut, nothing stays behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.hosts import Host, missing, network

LOGIN = "ssh -i ~/.ssh/key -o ConnectTimeout=3 -o StrictHostKeyChecking=no -o LogLevel=ERROR"


def reaches(here: Host, there: Host) -> bool:
    try:
        return here.run(f"{LOGIN} root@{there.address} hostname") == f"{there.name}\n"
    except AssertionError:
        return False


def fail_inside(folder: Path, seen: list[Host]) -> None:
    """Look at two hosts, leave a process behind on one, and fail."""
    with network(["one", "two"], folder, []) as net:
        one, two = net.hosts["one"], net.hosts["two"]
        seen += [one, two]
        assert reaches(one, two)
        net.link("two", "down")
        assert not reaches(one, two)
        net.link("two", "up")
        one.run("touch /tmp/mine /root/mine /run/mine /dev/shm/mine")
        assert "mine" not in two.run("ls -A /tmp /root /run /dev/shm")
        one.run("(setsid sleep 1000 &) > /dev/null 2>&1; until pgrep -x sleep > /dev/null; do :; done")
        assert "sleep" in one.run("ps -A")
        assert "sleep" not in two.run("ps -A")
        raise RuntimeError("of the test")


def test_hosts_are_apart_and_end_with_the_test(tmp_path: Path) -> None:
    if lacking := missing():
        pytest.skip(lacking)
    seen: list[Host] = []
    with pytest.raises(RuntimeError, match="of the test"):
        fail_inside(tmp_path, seen)
    assert len(seen) == 2
    assert not [host for host in seen if Path(f"/proc/{host.process}").exists()]
