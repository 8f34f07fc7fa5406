"""The Dockerfile, the Slurm script and the script that stops an idle head: read, parsed, and run."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "cluster"
BASH = shutil.which("bash") or "bash"
SCRIPTS = [
    DOCS / "slurm.sh",
    DOCS / "stop-when-idle.sh",
    ROOT / ".ci" / "run",
    Path(__file__).with_name("host.sh"),
]
LOCKED = re.compile(r"-[rc] requirements\.lock|--no-deps --no-build-isolation \.")
INSTRUCTIONS = {"ARG", "FROM", "ENV", "RUN", "WORKDIR", "COPY", "USER", "CMD"}


def image_faults(text: str) -> list[str]:
    """What is wrong with the Dockerfile: instructions, base, lock, user."""
    lines = [line for line in re.sub(r"\\\n", " ", text).splitlines() if line and not line.startswith("#")]
    found = [f"unknown: {line}" for line in lines if line.split()[0] not in INSTRUCTIONS]
    stages = {name for line in lines if (name := re.search(r"^FROM \S+ AS (\w+)$", line))}
    names = {match[1] for match in stages}
    for line in lines:
        if line.startswith("FROM ") and line.split()[1] not in {"${PYTHON}", *names}:
            found.append(f"not pinned: {line}")
        if line.startswith("ARG ") and "=" in line:
            found.append(f"a default that grows old: {line}")
        if line.startswith("COPY "):
            found += [f"no such file: {name}" for name in line.split()[1:-1] if not (ROOT / name).exists()]
        if "pip install" in line and not re.search(
            r"-[rc] requirements\.lock|--no-deps --no-build-isolation \.", line
        ):
            found.append(f"not from the lock: {line}")
    for name in ("worker", "mlflow"):
        stage = text.partition(f" AS {name}\n")[2].partition("\nFROM ")[0]
        if not re.search(r"^USER 1000:1000$", stage, re.MULTILINE):
            found.append(f"{name} runs as root")
    return found


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("FROM ${PYTHON} AS base", "FROM python:3.11-slim AS base", "not pinned"),
        ("FROM base AS worker", "FROM bsae AS worker", "not pinned"),
        ("ARG PYTHON", "ARG PYTHON=python:3.11", "grows old"),
        ("USER 1000:1000", "USER root", "worker runs as root"),
        ("pip install -r requirements.lock", "pip install ray", "not from the lock"),
        ("COPY synaug synaug", "COPY synuag synaug", "no such file"),
        ("WORKDIR /opt", "WORKDRI /opt", "unknown"),
    ],
)
def test_a_mistake_in_the_dockerfile_is_seen(right: str, wrong: str, said: str) -> None:
    text = (DOCS / "Dockerfile").read_text()
    assert right in text
    assert any(said in fault for fault in image_faults(text.replace(right, wrong, 1)))


def test_the_dockerfile_is_pinned_and_not_root() -> None:
    assert image_faults((DOCS / "Dockerfile").read_text()) == []


def parse(script: str) -> int:
    ended = subprocess.run([BASH, "-n"], input=script, text=True, capture_output=True, check=False)
    return ended.returncode


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_the_script_parses(path: Path) -> None:
    text = path.read_text()
    assert parse(text) == 0
    assert parse(text.replace("\ndone", "\ndnoe").replace("\nfi", "\nif").replace("}\n", "\n")) != 0


Stub = Callable[[str, str], None]


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    """Return a function that puts a program before all others of its name; ``calls`` records its calls."""
    (tmp_path / "bin").mkdir()

    def make(name: str, body: str) -> None:
        path = tmp_path / "bin" / name
        path.write_text(f'#!/bin/bash\necho "{name} $*" >> "{tmp_path}/calls"\n{body}\n')
        path.chmod(0o700)

    return make


def run(script: Path, folder: Path, *arguments: str, **more: str) -> tuple[int, list[str]]:
    """Run a script with the stubs of a folder; return its exit code and their calls."""
    environment: Mapping[str, str] = {
        "HOME": str(folder),
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
        **more,
    }
    ended = subprocess.run(
        [BASH, str(script), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    calls = folder / "calls"
    return ended.returncode, calls.read_text().splitlines() if calls.exists() else [ended.stderr]


def test_an_idle_head_stops_and_a_busy_one_does_not(stub: Stub, tmp_path: Path) -> None:
    """Machines cannot be shut down here, so that ``sleep``, ``ray`` and ``sudo`` are stand-ins."""
    stub("sleep", "")
    stub("sudo", "")
    jobs = tmp_path / "jobs"
    jobs.write_text("idle busy idle idle busy idle idle idle")
    stub("ray", f'read -ra left < "{jobs}"; echo "${{left[@]:1}}" > "{jobs}"\n'
                '[ "${left[0]}" = busy ] && echo \'[{"job_id": "01000000"}]\' || echo "[]"')  # fmt: skip
    code, calls = run(DOCS / "stop-when-idle.sh", tmp_path, "3")
    assert code == 0
    assert [call for call in calls if call.startswith("sudo")] == ["sudo shutdown -h now"]
    assert calls[-1].startswith("sudo")
    assert sum(call.startswith("ray list jobs") for call in calls) == 8


SLURM = {"SLURM_JOB_NODELIST": "n[1-3]", "SLURM_CPUS_PER_TASK": "2"}


def free_job() -> int:
    """The number of a Slurm job whose port is free here."""
    for number in range(os.getpid() % 9000, 10000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", 20000 + number))
            return number
    raise OSError("no port is free")


@pytest.mark.parametrize("ending", [0, 8])
def test_the_slurm_script_runs_a_sweep(stub: Stub, tmp_path: Path, ending: int) -> None:
    """There is no Slurm here: ``srun`` runs its command on this machine, ``ray`` only listens."""
    job = free_job()
    stub("scontrol", "printf 'n1\\nn2\\nn3\\n'")
    stub("hostname", "echo 127.0.0.1")
    stub("srun", 'while [[ $1 == --* ]]; do shift; done; exec "$@"')
    stub("ray", 'echo "token $(stat -c %a "$RAY_AUTH_TOKEN_PATH") $RAY_AUTH_MODE" >> "${0%/bin/ray}/calls"\n'
                'port=$(grep -oP "(?<=--port=)\\d+" <<< "$*") || exec sleep 50\n'
                'exec python3 -m http.server --bind 127.0.0.1 "$port"')  # fmt: skip
    stub(
        "synaug", f'until grep -q "^ray start --block" "{tmp_path}/calls"; do sleep 0.05; done; exit {ending}'
    )
    code, calls = run(
        DOCS / "slurm.sh", tmp_path, "sst2", "runs/sst2", "--replicates", "3", **SLURM, SLURM_JOB_ID=str(job)
    )
    assert code == ending, calls
    [sweep] = [call for call in calls if call.startswith("synaug")]
    options = f"--address 127.0.0.1:{20000 + job} --workers 6 --replicates 3"
    assert sweep == f"synaug sweep sst2 --out runs/sst2 {options}"
    [head] = [call for call in calls if call.startswith("ray start --head")]
    assert "--dashboard-host=127.0.0.1" in head
    [worker] = [call for call in calls if call.startswith("srun") and "--address" in call]
    assert "--nodes=2 --ntasks=2 --nodelist=n2,n3" in worker
    assert "token 600 token" in calls
    assert not list((tmp_path / ".ray").iterdir())  # the token goes with the job
