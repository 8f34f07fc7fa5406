"""Commands that look after a sweep: doctor, logs, and submit where there is no cluster."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

import synaug as package
from sweeps.identity import identity
from sweeps.ledger import read
from sweeps.ledger_state import state


def closed_cells(prepared: Any, sweep: str) -> list[str]:
    return list(state(read(prepared.folder / "runs" / sweep / "ledger.jsonl").lines).cells)


def test_doctor_prints_one_document(synaug: Any, tmp_path: Path) -> None:
    ended = synaug(tmp_path, "doctor", "--json")
    assert (ended.code, ended.err) == (0, "")
    found = json.loads(ended.out)
    assert set(found) == {"address", "exit", "nodes", "findings"}
    assert (found["address"], found["exit"]) == ("local", 0)
    [node] = found["nodes"]
    assert node["identity"]["synaug"] == package.__version__
    assert node["identity"]["lock"] == identity().lock
    assert node["facts"]["cpus"] >= 1
    for finding in found["findings"]:
        assert finding["level"] in ("ok", "warning")
        assert {"node", "check", "message", "fix"} <= set(finding)
        assert (finding["fix"] is not None) == (finding["level"] == "warning")
    assert list(tmp_path.iterdir()) == []


def test_doctor_prints_a_table_with_remedies(synaug: Any, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0" * 64)
    (tmp_path / "token").chmod(0o644)
    ended = synaug(tmp_path, "doctor", env={"RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")})
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].strip() == "this machine"
    assert any(line.startswith("ok ") and f"synaug {package.__version__}" in line for line in lines)
    assert any(line.startswith("warning ") and "has mode 644" in line for line in lines)
    assert f"  fix: token: chmod 600 {tmp_path / 'token'}" in lines
    assert lines[-1].startswith("0 problems, ")


def test_doctor_ends_with_5_where_mlflow_is_away(synaug: Any, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        uri = f"http://ann:s3cret@127.0.0.1:{closed.getsockname()[1]}"
        ended = synaug(tmp_path, "doctor", "--json", "--tracking-uri", uri)
    assert ended.code == 5
    assert "s3cret" not in ended.out + ended.err
    [problem] = [f for f in json.loads(ended.out)["findings"] if f["level"] == "problem"]
    assert (problem["check"], problem["exit"]) == ("mlflow", 5)


@pytest.mark.parametrize(
    "arguments",
    [
        ("doctor", "--address", "127.0.0.1:{}"),
        ("sweep", "my.yaml", "--dry-run", "--address", "127.0.0.1:{}"),
        ("sweep", "my.yaml", "--address", "ray://127.0.0.1:{}"),
        ("submit", "my.yaml", "--address", "http://127.0.0.1:{}"),
    ],
    ids=lambda words: "_".join(words[:1]) + words[-1].partition("127")[0].replace("/", ""),
)
def test_what_takes_calls_and_never_answers_is_given_up(
    arguments: tuple[str, ...], synaug: Any, bench: Path
) -> None:
    """Ray by itself waits for minutes; ``timeout`` is far below that, and far above our five seconds."""
    with socket.create_server(("127.0.0.1", 0)) as hole:
        port = hole.getsockname()[1]
        ended = synaug(bench, *(word.format(port) for word in arguments), timeout=100)
    assert ended.code == 5, ended.err
    assert f"127.0.0.1:{port}" in ended.out + ended.err
    assert "Traceback" not in ended.err
    assert not (bench / "runs").exists()


def test_logs_has_a_line_for_each_cell(synaug: Any, prepared: Any) -> None:
    ended = synaug(prepared.folder, "logs", "runs/quickstart", "--lines", "1000")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    for key in closed_cells(prepared, "quickstart"):
        assert sum(f" INFO    cell {key} ok value=0." in line for line in lines) == 1
    assert "sweep quickstart on local: 0 of " in lines[0]
    assert "sweep quickstart ended: OK" in lines[-1]
    assert synaug(prepared.folder, "logs", "runs/quickstart", "--lines", "2").out.splitlines() == lines[-2:]


def test_following_a_sweep_that_ended_ends(synaug: Any, prepared: Any) -> None:
    ended = synaug(prepared.folder, "logs", "runs/mine", "--follow")
    assert ended.code == 0
    assert "ended: OK" in ended.out.splitlines()[-1]


def test_logs_of_a_cell_by_the_beginning_of_its_key(synaug: Any, prepared: Any) -> None:
    [key, *_] = closed_cells(prepared, "quickstart")
    whole, start = (
        synaug(prepared.folder, "logs", "runs/quickstart", k, "--output") for k in (key, key[:12])
    )
    assert whole.out == start.out
    assert [line.split()[1] for line in whole.out.splitlines()[:4]] == ["start", "result", "result", "cell"]
    assert whole.out.splitlines()[-1] == "the cell printed nothing"


def test_what_a_cell_printed_is_shown_on_request(synaug: Any, copy: Path, prepared: Any) -> None:
    [key, *_] = closed_cells(prepared, "quickstart")
    (copy / f"runs/quickstart/logs/{key}.output.txt").write_text("replicate 0:\nspoken\n")
    assert "spoken" in synaug(copy, "logs", "runs/quickstart", key, "--output").out
    assert "spoken" not in synaug(copy, "logs", "runs/quickstart", key).out


def test_a_key_that_no_cell_has(synaug: Any, prepared: Any) -> None:
    [key, *_] = closed_cells(prepared, "quickstart")
    ended = synaug(prepared.folder, "logs", "runs/quickstart", key[:-1] + "?")
    assert ended.code == 2
    assert f"did you mean '{key}'?" in ended.err
    many = synaug(prepared.folder, "logs", "runs/quickstart", "")
    assert many.code == 2
    assert "give more characters" in many.err


def test_a_sweep_without_a_log_says_so(synaug: Any, tmp_path: Path, prepared: Any) -> None:
    (tmp_path / "bare").mkdir()
    ledger = prepared.folder / "runs/quickstart/ledger.jsonl"
    (tmp_path / "bare/ledger.jsonl").write_bytes(ledger.read_bytes())
    ended = synaug(tmp_path, "logs", "bare")
    assert ended.code == 2
    assert "has no log yet" in ended.err
