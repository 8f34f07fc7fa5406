"""A team's set-up: PostgreSQL behind an MLflow server and behind Optuna; nobody sees the password."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sweeps.ledger import read
from sweeps.ledger_state import state
from tests.servers import free_port, running, wait_for_start
from tracking import summary, ui_command, ui_environment

PASSWORD = "s3cret-of-postgres"
CELLS, WORKERS = 11, 2
pytestmark = pytest.mark.timeout(900)  # ten processes, each of which imports half of everything


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server on loopback that asks for a password."""

    port: int
    folder: Path

    def uri(self, database: str, password: str | None = PASSWORD) -> str:
        user = "synaug" if password is None else f"synaug:{password}"
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"


def program(name: str) -> str:
    """Where a program of PostgreSQL lies; Debian keeps them out of the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"{name} is not installed: Debian has it in the package postgresql")
    return found


def unprivileged() -> dict[str, Any]:
    """Whom a process is to run as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """Start a server with databases for MLflow and Optuna in a folder of its own."""
    import psycopg

    initdb, server = program("initdb"), program("postgres")
    whom = unprivileged()
    # Not below pytest's folder, which is closed to whom the server runs as.
    with tempfile.TemporaryDirectory(prefix="synaug-postgres-") as name:
        folder, log = Path(name), Path(name, "server.log")
        (folder / "password").write_text(PASSWORD)
        if whom:
            for path in (folder, folder / "password"):
                os.chown(path, whom["user"], whom["group"])
        data = str(folder / "data")
        make = [initdb, "-D", data, "-U", "synaug", "--auth=scram-sha-256", "-E", "UTF8", "--locale=C"]
        make.append(f"--pwfile={folder / 'password'}")
        made = subprocess.run(make, cwd=folder, capture_output=True, text=True, check=False, **whom)
        assert made.returncode == 0, made.stdout + made.stderr
        found = Postgres(free_port(), folder)
        settings = ["-h", "127.0.0.1", "-p", str(found.port), "-k", "", "-c", "fsync=off"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [server, "-D", data, *settings], cwd=folder, stdout=output, stderr=output, **whom
            )
        try:
            wait_for_start(lambda: "ready to accept connections" in log.read_text(), process, log)
            with psycopg.connect(found.uri("postgres"), autocommit=True) as connection:
                for database in ("mlflow", "direct", "optuna"):
                    connection.execute(f"CREATE DATABASE {database}")
            yield found
        finally:
            process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
            process.wait(60)


@dataclass(frozen=True)
class Served:
    """An MLflow server: its address and its log."""

    uri: str
    log: Path


@pytest.fixture(scope="module")
def mlflow_server(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An MLflow server on PostgreSQL, by the command of ``synaug ui``."""
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    uri = postgres.uri("mlflow")
    command = ui_command(uri, str(folder / "artifacts"), port=port)
    assert PASSWORD not in " ".join(command)
    with running(command, ui_environment(uri), port, folder) as log:
        yield Served(f"http://127.0.0.1:{port}", log)


def holding(folder: Path, text: str) -> list[str]:
    """Files below a folder that hold a text."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [str(path) for path in files if text.encode() in path.read_bytes()]


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


@pytest.mark.slow
def test_a_sweep_on_postgresql_goes_on_after_a_kill_and_shows_no_password(
    workshop: Any,
    postgres: Postgres,
    mlflow_server: Served,
    tmp_path: Path,
    wait_for: Any,
    started: list[Any],
) -> None:
    out = tmp_path / "runs" / "tiny"
    where = ("--tracking-uri", mlflow_server.uri, "--storage", postgres.uri("optuna"))
    driver = workshop.start("sweep", out, "--workers", WORKERS, *where)
    started.append(driver)
    ledger = out / "ledger.jsonl"
    wait_for(driver, lambda: ledger.exists() and ledger.read_text().count('"kind":"result"') >= 5)
    assert PASSWORD not in command_line(driver.process.pid)
    session = max(Path("/tmp/ray").glob(f"session_*_{driver.process.pid}"))
    driver.kill()
    code, text = workshop.run("sweep", out, "--workers", WORKERS, *where)
    assert code == 0, text
    found = state(read(ledger).lines)
    assert len(found.cells) == CELLS
    assert {line["status"] for line in found.cells.values()} == {"ok"}
    for command in (["verify", "--strict"], ["rebuild-study"], ["verify", "--strict"]):
        given = where if command[0] == "verify" else where[2:]
        code, text = workshop.run(command[0], out, *command[1:], *given)
        assert code == 0, text
    assert holding(tmp_path, PASSWORD) == []
    assert holding(session, PASSWORD) == []
    assert PASSWORD not in mlflow_server.log.read_text()
    assert set(summary(mlflow_server.uri, "tiny")) == set(found.cells)
    asks_again(workshop, out, postgres)


def asks_again(workshop: Any, out: Path, postgres: Postgres) -> None:
    """Without the password the address is known and refused; libpq's own ways to give it work too."""
    code, text = workshop.run("verify", out)
    assert code == 2, text
    assert "--storage or SYNAUG_STORAGE" in text
    code, text = workshop.run("verify", out, "--strict", "--storage", postgres.uri("optuna", "wrong"))
    assert code == 5, text
    assert "password authentication failed" in text
    passes = out.parent / "pgpass"
    passes.write_text(f"127.0.0.1:{postgres.port}:*:synaug:{PASSWORD}\n")
    passes.chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSFILE", str(passes))
        code, text = workshop.run("verify", out, "--strict", "--storage", postgres.uri("optuna", None))
    assert code == 0, text


@pytest.mark.slow
def test_a_database_needs_no_server_and_artifacts_lie_beside_the_sweep(
    workshop: Any, finished: Any, postgres: Postgres, tmp_path: Path
) -> None:
    out = tmp_path / "runs" / "tiny"
    shutil.copytree(finished.out, out)
    uri = postgres.uri("direct")
    for _ in range(2):
        code, text = workshop.run("sync", out, "--tracking-uri", uri)
        assert code == 0, text
    assert text.startswith("sent 0 cells")
    runs = summary(uri, "tiny")
    cells = state(finished.lines).cells
    assert {key: len(found) for key, found in runs.items()} == dict.fromkeys(cells, 1)
    artifacts = tmp_path / "runs" / "mlartifacts" / "tiny"
    assert len(list(artifacts.glob("*/artifacts/tables.json"))) == len(cells)
    assert holding(tmp_path, PASSWORD) == []
