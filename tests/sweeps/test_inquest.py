"""How an attempt died: its note, Ray's error, and who is to blame when Tune gave up."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from ray.exceptions import OutOfMemoryError

from sweeps import inquest
from sweeps.attempt import Note, name_of, noted, take
from sweeps.death import Death, given_up
from sweeps.inquest import Attempt, Inquest
from sweeps.nodes import Answer, Node

HANGS = """
import time
from sweeps.attempt import noted

def hang_here():
    time.sleep(1000)

with noted({run!r}, "key", 1, 0.5, "node"):
    hang_here()
"""
OOM = "Task was killed: (actor ID: 1f, name=ImplicitFunc.train, pid=12, actual memory used=4.06GB)"


def notes(monkeypatch: pytest.MonkeyPatch, found: dict[Attempt, Note], silent: bool = False) -> None:
    """Let the cluster have these notes, on a node that counts as alive and may keep silent."""
    node = Node("alive", "127.0.0.1", "host", 1.0, 0.0, 1.0)
    said = {name_of("run", *attempt): note for attempt, note in found.items()}

    def ask_each(asked: Sequence[Node], question: object, names: list[str], seconds: float) -> list[object]:
        assert (asked, question) == ([node], take)
        there = {name: said[name] for name in names if name in said}
        if not silent:
            return [Answer(node, there, None, seconds)]
        neighbour = replace(node, id="neighbour")  # another Ray node of the same machine has the notes too
        return [
            Answer(node, None, "no answer", seconds, silent=True),
            Answer(neighbour, there, None, seconds),
        ]

    monkeypatch.setattr(inquest, "ask_each", ask_each)
    monkeypatch.setattr(inquest, "nodes", lambda: [node])


def test_a_note_is_there_while_an_attempt_lasts_for_its_owner_only() -> None:
    path = Path(tempfile.gettempdir()) / name_of("0dd", "key", 1)
    with noted("0dd", "key", 1, 1000.0, "node"):
        assert path.read_text() == f"{os.getpid()} node\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()
    with noted("", "key", 1, None):
        assert not list(path.parent.glob("synaug--key-*"))


def test_a_hung_attempt_ends_and_leaves_where_it_hung() -> None:
    run = f"test{os.getpid()}"
    ended = subprocess.run([sys.executable, "-c", HANGS.format(run=run)], check=False, timeout=200)
    assert ended.returncode == 1
    name = name_of(run, "key", 1)
    note = take([name, "synaug-of-nobody.txt"])[name]
    assert note.stack is not None
    assert "hang_here" in note.stack
    assert take([name]) == {}


@pytest.mark.parametrize("note", [Note(1, "alive", None), None])
def test_a_node_that_keeps_silent_has_died_though_ray_still_counts_it(
    note: Note | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes(monkeypatch, {} if note is None else {("key", 2): note}, silent=True)
    died = Inquest("run", 9.0).of(("key", 2), "its worker process has died. Worker exit type: SYSTEM_ERROR")
    assert died == Death("node")


@pytest.mark.parametrize(
    ("note", "said", "cause"),
    [
        (Note(1, "alive", "Timeout (0:00:09)!\n"), "worker exit code 1", "timeout"),
        (Note(1, "alive", None), "its worker process has died. Worker exit type: SYSTEM_ERROR", "process"),
        (Note(1, "gone", None), "The actor 1f is unavailable: RpcError", "node"),
        (None, "The actor died because its node has died. Node Id: 3b", "node"),
        (None, "", "process"),
    ],
)
def test_causes_are_told_apart(
    note: Note | None, said: str, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes(monkeypatch, {} if note is None else {("key", 2): note})
    death = Inquest("run", 9.0).of(("key", 2), said)
    assert death.cause == cause
    assert death.counts
    assert (death.stack is not None) == (cause == "timeout")


def test_of_the_cells_that_end_with_a_greedy_one_only_that_one_is_blamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    greedy, other = ("greedy", 1), ("other", 3)
    notes(monkeypatch, {greedy: Note(12, "alive", None), other: Note(13, "alive", None)})
    error = RuntimeError("Caught unexpected exception")
    error.__cause__ = OutOfMemoryError(OOM)
    found = Inquest("run", None).of_all([greedy, other], error)
    assert found == {greedy: Death("memory", "it used 4.06GB"), other: Death("cut off")}
    assert not found[other].counts
    notes(monkeypatch, {})  # where no note tells who it was, all are blamed, so that a sweep always ends
    found = Inquest("run", None).of_all([greedy, other], error)
    assert {death.cause for death in found.values()} == {"memory"}


def test_the_words_in_which_a_cell_is_given_up() -> None:
    late = Death("timeout", "9 s", "Timeout (0:00:09)!\n")
    assert given_up([late] * 3) == (
        "timeout: in 3 attempts it ran longer than limits.cell_timeout allows (9 s)"
    )
    assert given_up([Death("process"), late, Death("process")]) == (
        "poison: in 3 attempts its process died; it ran longer than limits.cell_timeout allows (9 s)"
    )
