"""The files for ``ray up``: valid to Ray offline, without secrets, safe and thrifty; mistakes are seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.launcher import problems

ROOT = Path(__file__).parents[2]
FILES = {
    "local": ROOT / "cluster.yaml",
    "aws": ROOT / "docs" / "cluster" / "aws.yaml",
    "gcp": ROOT / "docs" / "cluster" / "gcp.yaml",
}
# What is replaced by what, in every file, and what is then said.
MISTAKES = [
    ("cluster_name:", "cluster_nmae:", "cluster_nmae"),
    ("file_mounts:", "file_mount:", "file_mount"),
    ("setup_commands:", "setup_comands:", "setup_comands"),
    ("rsync_exclude: [", "rsync_exclude: {a: b} #", "Ray refuses"),
    ('  "~/.ray/auth_token": ~/.ray/auth_token\n', "", "do not ship the token"),
    ("export RAY_AUTH_MODE=token", "export RAY_AUTH_MODE=tokn", "without RAY_AUTH_MODE=token"),
    ("chmod 600", "chmod 644", "not made private"),
    ("-r ~/synaug/requirements.lock", "ray", "requirements.lock is not installed"),
    ("--dashboard-host=127.0.0.1", "--dashboard-host=0.0.0.0", "0.0.0.0"),
    ("--dashboard-host=127.0.0.1", "", "not on loopback"),
    ("--autoscaling-config=~/ray_bootstrap_config.yaml", "", "no worker would be started"),
    ("ray start --address", "ray strat --address", "worker: Ray is not started"),
    ("auth:\n", "auth:\n  password: x\n", "password"),
    ("  ssh_user:", "  ssh_usr:", "ssh_usr"),
]
OWN_MISTAKES = [
    ("local", "  head_ip:", "  head_pi:", "Ray refuses"),
    ("aws", "MarketType: spot", "MarketType: block", "worker is not spot"),
    ("gcp", "provisioningModel: SPOT", "provisioningModel: STANDARD", "worker is not spot"),
    ("aws", "SecurityGroupIds", "SecurityGroupsIds", "SecurityGroupsIds"),
    ("gcp", "machineType", "machineTyp", "machineTyp"),
    ("aws", "region:", "regoin:", "regoin"),
    ("gcp", "idle_timeout_minutes: 10", "idle_timeout_minutes: 1000", "idle workers stay"),
    ("aws", "min_workers: 0", "min_workers: 2", "never scales to nothing"),
    ("gcp", "bash ~/synaug/stop-when-idle.sh 60", "true", "never stops by itself"),
    ("aws", "head_node_type: head", "head_node_type: haed", "Ray refuses"),
    ("gcp", 'resources: {"CPU": 16}', 'resources: {"CPU": many}', "Ray refuses"),
    ("local", "provider:\n", "available_node_types: {a: {}}\nprovider:\n", "Ray refuses"),
]


@pytest.mark.parametrize("kind", FILES)
def test_the_file_is_valid_and_safe(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert problems(FILES[kind].read_text()) == []


def test_what_is_shipped_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    for path in FILES.values():
        mounts = yaml.safe_load(path.read_text())["file_mounts"]
        assert all((ROOT / source).exists() for source in mounts.values() if not source.startswith("~"))
        shipped = {source for source in mounts.values()}
        assert {"synaug", "sweeps", "tracking", "requirements.lock", "pyproject.toml"} <= shipped


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES)
def test_a_mistake_is_seen(kind: str, right: str, wrong: str, said: str) -> None:
    text = FILES[kind].read_text()
    assert right in text
    assert any(said in problem for problem in problems(text.replace(right, wrong, 1)))


@pytest.mark.parametrize(("kind", "right", "wrong", "said"), OWN_MISTAKES)
def test_a_mistake_in_one_kind_is_seen(kind: str, right: str, wrong: str, said: str) -> None:
    text = FILES[kind].read_text()
    assert right in text
    assert any(said in problem for problem in problems(text.replace(right, wrong, 1)))
