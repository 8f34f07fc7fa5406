"""What code a process runs, and how two processes differ."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sweeps.feed import Halt
from sweeps.identity import differences, identity, identity_json, other_code, read_identity
from sweeps.inquest import Inquest
from sweeps.nodes import Answer, Node, code_problems
from sweeps.trial import Job, Work, run_cell
from sweeps.tune_run import FeedSearcher
from synaug.classifiers.options import MlpOptions
from synaug.errors import Exit, SynaugError

ROOT = Path(__file__).parents[2]


def test_it_knows_all_that_the_project_depends_on() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {canonicalize_name(Requirement(line).name) for line in declared}
    found = identity().packages
    assert names <= found.keys()
    assert {"botocore", "pytest", "ruff", "synaug"} & found.keys() == set()
    assert {
        "click",
        "protobuf",
        "aiohttp",
        "huggingface-hub",
    } <= found.keys()  # of dependencies, and of extras
    locked = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text().split())
    pinned = {canonicalize_name(name): number for name, number in locked.items()}
    assert found.keys() <= pinned.keys()
    assert found["numpy"] == version("numpy")


def test_it_travels_as_text() -> None:
    assert read_identity(identity_json()) == identity()


def test_every_difference_is_named_with_both_values() -> None:
    here = identity()
    packages = {name: number for name, number in here.packages.items() if name != "click"} | {"torch": "2.0"}
    there = replace(here, python="3.10.1", code="0" * 12, packages=packages)
    told = [str(difference) for difference in differences(here, there)]
    assert told[:2] == [
        f"python is 3.10.1, here it is {here.python}",
        f"code is {'0' * 12}, here it is {here.code}",
    ]
    both = f"click absent for {here.packages['click']}, torch 2.0 for {here.packages['torch']}"
    assert told[2:] == [f"lock ({both}) is {there.lock}, here it is {here.lock}"]
    assert differences(here, replace(here, packages=dict(reversed(here.packages.items())))) == []


def test_a_build_of_torch_for_gpus_is_no_difference() -> None:
    """Such a node is what trains for a driver without one."""
    packages = identity().packages
    assert not [name for name in packages if name.startswith(("nvidia-", "cuda-")) or name == "triton"]
    assert packages["torch"] == version("torch").partition("+")[0]


def test_a_worker_refuses_the_cells_of_a_driver_with_other_code() -> None:
    assert other_code(None) == other_code(identity()) == []
    [told] = other_code(replace(identity(), synaug="0.0.9"))
    assert told.startswith("node ")
    assert told.endswith(f"synaug is {version('synaug')}, here it is 0.0.9")


def test_the_check_comes_before_the_cell_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray import tune

    reported: list[object] = []
    monkeypatch.setattr(tune, "report", reported.append)
    job = Job(MlpOptions(), None, code=replace(identity(), ray="2.0"))
    run_cell({"key": "k", "arm": "no such arm", "settings": {}, "replicates": [0]}, [object()], job)
    assert len(reported) == 1
    assert "ray is" in str(reported[0])


def test_a_refused_node_ends_the_run_and_blames_no_cell() -> None:
    class Feed:
        def next_work(self) -> Work:
            return Work("k", "none", {}, (0, 1))

        def result(self, key: str, line: object) -> None:
            pytest.fail("a refusal is no result")

        def ended(self, key: str, died: bool) -> None:
            pytest.fail("no attempt of the cell was made")

    halt = Halt()
    searcher = FeedSearcher(Feed(), halt, 1, Inquest("", None))
    searcher.suggest("trial")
    with pytest.raises(SynaugError, match=r"node worker-7: ray is 2\.1") as told:
        searcher.on_trial_result("trial", {"refused": ["node worker-7: ray is 2.1, here it is 2.60"]})
    searcher.on_trial_complete("trial", error=True)
    assert told.value.exit == Exit.RESOURCES
    assert "finished work is kept" in str(told.value)
    assert (searcher.error, halt.now) == (told.value, True)


def test_a_node_that_does_not_answer_is_a_problem() -> None:
    node = Node("73e5a65f90761499", "10.0.0.7", "worker-7", 4, 0, 1e9)
    for trouble in ("ModuleNotFoundError: No module named 'packaging'", "no answer in 90 s"):
        [problem] = code_problems(Answer(node, None, trouble, 0.0))
        assert "node 10.0.0.7 (worker-7, 73e5a65f)" in problem.message
        assert trouble in problem.message
    assert code_problems(Answer(node, identity_json(), None, 0.0)) == []
