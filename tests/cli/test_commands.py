"""What commands print: JSON with its documented fields, data on stdout, messages on stderr."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sweeps.ledger import read
from synaug.classifiers import CLASSIFIERS
from synaug.methods import METHODS
from tests.cli.documents import document

ESCAPE = "\x1b["


@pytest.fixture
def reads(prepared: Any, synaug: Any) -> Any:
    """Return a function that runs a reading command with ``--json`` and returns what it printed."""

    def read_document(*arguments: str) -> Any:
        ended = synaug(prepared.folder, *arguments, "--json")
        assert (ended.code, ended.err) == (0, "")
        return document(arguments[0], ended.out)

    return read_document


def files(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize(
    "question", ["method", "ratio", "k", "budget", "vae", "winner", "noise", "signatures", "all"]
)
def test_answers_have_the_fields_of_the_contract(question: str, reads: Any, prepared: Any) -> None:
    found = reads("ask", "runs/quickstart", question)
    keys = {line.get("trial_key") for line in read(prepared.folder / "runs/quickstart/ledger.jsonl").lines}
    assert found["question"] == question
    assert all(set(answer["cells"]) <= keys for answer in found["answers"])


def test_a_question_that_nobody_knows(synaug: Any, prepared: Any) -> None:
    ended = synaug(prepared.folder, "ask", "runs/quickstart", "metod")
    assert (ended.code, ended.out) == (2, "")
    assert "unknown question 'metod' (did you mean 'method'?)" in ended.err


def test_status(reads: Any, prepared: Any) -> None:
    found = reads("status", "runs/quickstart")
    cells = len((prepared.folder / "runs/quickstart/plan.jsonl").read_text().splitlines())
    assert found["sweep"] == "quickstart"
    assert found["planned_cells"] == cells == sum(found["finished"].values())
    assert found["results"] >= 2 * found["finished"]["ok"]
    assert {name: found[name] for name in ("started_not_finished", "test_results", "not_in_mlflow")} == {
        "started_not_finished": 0,
        "test_results": 0,
        "not_in_mlflow": 0,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["last_line"])


def test_verify(reads: Any) -> None:
    assert reads("verify", "runs/mine") == {"sweep": "mine", "agree": True, "differences": []}


def test_verify_strict_ends_with_9_where_they_differ(copy: Path, synaug: Any) -> None:
    (copy / "runs" / "optuna.db").unlink()
    ended = synaug(copy, "verify", "runs/mine", "--strict", "--json")
    found = json.loads(ended.out)
    assert (ended.code, ended.err, found["agree"]) == (9, "", False)
    assert all(re.fullmatch(r"Optuna: [0-9a-f]{16} is missing", text) for text in found["differences"])


def test_plan(reads: Any) -> None:
    found = reads("plan", "my.yaml")
    assert set(found) >= {"name", "spec_hash", "replicates", "folds", "cells", "per_arm", "trials_per_arm"}
    assert (found["name"], found["replicates"], found["folds"]) == ("my", 2, 2)
    assert [cell["number"] for cell in found["cells"]] == list(range(len(found["cells"])))
    assert sum(found["per_arm"].values()) == len(found["cells"])
    first = {"number": 0, "stage": "design", "classifier": "mlp", "arm": "none", "settings": {}}
    assert found["cells"][0] == first
    assert found["classifiers"] == ["mlp"]


def test_data(reads: Any) -> None:
    found = reads("data", "my.yaml")
    assert (found["data"], found["encoder"], found["dimensions"]) == ("texts", "model", 16)
    assert (found["scored_on"], set(found["overlap"])) == ("dev", {"bad", "good"})
    assert [found["classes"][name]["all"] for name in ("bad", "good")] == [30, 90]
    for counts in found["classes"].values():
        parts = sum(counts[part] for part in ("pool", "search_dev", "confirm_dev", "test"))
        assert counts["draw"] <= counts["pool"]
        assert parts <= counts["all"]


def test_methods(reads: Any) -> None:
    found = {row["method"]: row for row in reads("methods")}
    assert list(found) == list(METHODS)
    for row in found.values():
        assert set(row) == {"method", "says", "paper", "core", "knobs"}
        assert all(set(knob) == {"name", "default", "domain", "levels", "help"} for knob in row["knobs"])
    assert {knob["name"]: knob["default"] for knob in found["smote"]["knobs"]}["k"] == 5


def test_methods_can_be_the_classifiers(reads: Any) -> None:
    found = {row["classifier"]: row for row in reads("methods", "--classifiers")}
    assert tuple(found) == CLASSIFIERS.names()
    for name, row in found.items():
        assert tuple(row["ladder"]) == CLASSIFIERS[name].ladder
        assert [knob["name"] for knob in row["knobs"]] == [knob.name for knob in CLASSIFIERS[name].knobs()]


@pytest.mark.parametrize(
    "line", ["methods", "methods --json", "methods --classifiers", "status runs/mine", "plan my.yaml"]
)
def test_a_pipe_that_is_closed_ends_it_quietly(line: str, prepared: Any) -> None:
    command = "set -o pipefail; {} -c 'from sweeps.cli.app import main; main()' {} | true"
    ended = subprocess.run(
        ["/bin/bash", "-c", command.format(shlex.quote(sys.executable), line)],
        cwd=prepared.folder,
        env=os.environ | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_no_color(prepared: Any, synaug: Any) -> None:
    ended = synaug(prepared.folder, "methods", env={"NO_COLOR": "1", "FORCE_COLOR": ""})
    assert (ended.code, ended.err) == (0, "")
    assert ESCAPE not in ended.out
    assert "smote" in ended.out


def test_a_full_disk_is_no_bug(prepared: Any) -> None:
    with open("/dev/full", "w") as full:
        code = "from sweeps.cli.app import main; main()"
        ended = subprocess.run(
            [sys.executable, "-c", code, "methods"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 6
    assert ended.stderr.startswith("error[D65]: the disk is full\n  where: ")
    assert ended.stderr.endswith("  fix:   make space, then run again\n")


def test_dry_run_writes_nothing_and_shows_the_plan(bench: Path, synaug: Any) -> None:
    before = files(bench)
    ended = synaug(bench, "sweep", "my.yaml", "--dry-run")
    assert (ended.code, ended.left) == (0, ())
    assert files(bench) == before
    assert re.search(r"^smote +4 +ratio 50\.0, 100\.0; k 1, 2$", ended.out, re.M)
    assert "7 cells (one_factor design) x 2 replicates x 2 folds = 28 fits" in ended.out
    assert "first cells: ros (ratio 100.0)" in ended.out
    assert re.search(r"^bad +30 +12 ", ended.out, re.M)
    assert "reading texts" in ended.err


def test_a_dry_run_is_one_document(bench: Path, synaug: Any) -> None:
    ended = synaug(bench, "sweep", "my.yaml", "--dry-run", "--json")
    assert (ended.code, ended.err) == (0, "")
    found = document("dry_run", ended.out)
    assert found["plan"]["core_seconds"] > 0
    assert found["data"]["data"] == "texts"


def test_a_sweep_ends_with_one_document(copy: Path, synaug: Any) -> None:
    ended = synaug(copy, "sweep", "my.yaml", "--out", "runs/quickstart", "--json")
    assert ended.code == 0, ended.err
    found = document("sweep", ended.out)
    assert (found["exit"], found["done"]) == (0, found["total"])
    assert found["status"]["sweep"] == "quickstart"


CONFLICTS = {
    "another_spec": (["--set", "folds=3"], r"folds: the sweep in runs/mine has 2, now it is 3"),
    "other_data": (["--data", "other.csv"], r"data\.source: .* has 'texts\.csv', now it is 'other\.csv'"),
    "more_replicates": (
        ["--replicates", "3"],
        r"replicates: .* 2, now it is 3\n.*\n.*extend replicates=3",
    ),
}


@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["", "dry"])
@pytest.mark.parametrize("case", CONFLICTS)
def test_another_sweep_in_the_same_folder_is_refused(
    case: str, dry: list[str], copy: Path, synaug: Any
) -> None:
    (copy / "other.csv").write_text((copy / "texts.csv").read_text())
    options, says = CONFLICTS[case]
    before = files(copy)
    mine = ["--set", "arms=[none, ros]", "--set", "design=defaults"]
    ended = synaug(copy, "sweep", "my.yaml", "--out", "runs/mine", *mine, *options, *dry)
    assert (ended.code, ended.out, ended.left) == (7, "", ())
    assert re.search(says, ended.err), ended.err
    assert files(copy) == before


def test_changed_data_are_refused_before_anything_runs(copy: Path, synaug: Any) -> None:
    with (copy / "texts.csv").open("a") as file:
        file.write("one more film,good\n")
    mine = ["--set", "arms=[none, ros]", "--set", "design=defaults", "--dry-run"]
    ended = synaug(copy, "sweep", "my.yaml", "--out", "runs/mine", *mine)
    assert (ended.code, ended.out) == (7, "")
    assert re.search(r"data_digest: the sweep has [0-9a-f]{12}…, now it is [0-9a-f]{12}…", ended.err)


def test_without_a_terminal_progress_is_plain_lines_with_eta(prepared: Any) -> None:
    assert re.search(r"^1/7 cells, 0 failed, ETA \d+:\d\d +best %: none \d", prepared.plain.err, re.M)
    assert re.search(r"^7/7 cells, 0 failed +best %: ", prepared.plain.err, re.M)
    assert ESCAPE not in prepared.plain.err + prepared.plain.out
    assert "cells, " not in prepared.plain.out
    assert re.search(r"^smote +\d+ +2 ", prepared.plain.out, re.M)
    assert prepared.plain.left == ()


def test_in_a_terminal_progress_is_one_live_line(prepared: Any) -> None:
    _, screen = prepared.live
    drawn = re.findall(r"\d/2 cells, 0 failed", screen)
    screen = re.sub(r"[^\n]*\r\n\x1b\[\?25h\r\x1b\[1A\x1b\[2K", "", screen)  # one line up, and erase it
    left = [line for line in screen.splitlines() if re.search(r"\d/2 cells", line)]
    assert len(drawn) > len(left) == 1  # drawn anew in its place; what stays is the last state
    assert re.fullmatch(r"2/2 cells, 0 failed +best %: .*none \d.*", left[0])
    assert "Traceback" not in screen
