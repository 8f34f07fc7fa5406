"""Specs: presets, overrides, other data, hashes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sweeps.spec import Spec, diff_fields, load_spec, presets
from synaug.errors import Exit, SynaugError

CORE = ("none", "logit_adjust", "class_weight", "ros", "smote", "borderline_smote", "adasyn", "vae")
BASE: dict[str, Any] = {"name": "t", "arms": ["none", "smote"], "space": {"k": [1, 5]}}


def messages(source: Any, overrides: list[str] | None = None) -> tuple[list[str], Exit]:
    with pytest.raises(SynaugError) as caught:
        load_spec(source, overrides or [])
    return [problem.message for problem in caught.value.problems], caught.value.exit


@pytest.mark.parametrize("name", presets())
def test_presets_load(name: str) -> None:
    spec = load_spec(name)
    assert spec.name == name
    assert spec.arms == CORE


def test_the_four_presets_are_there() -> None:
    assert presets() == ("ag_news", "imdb", "quickstart", "sst2")


def test_defaults_are_written_out() -> None:
    spec = load_spec({})
    assert (spec.name, spec.folds, spec.replicates, spec.seed) == ("sweep", 10, 5, 0)
    assert spec.arms == CORE
    assert spec.classifier.steps == "folds"
    assert spec.imbalance.kind == "natural"


def test_name_is_the_file_s_unless_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("folds: 3\n")
    assert load_spec(path).name == "mine"
    assert load_spec(path, name="other").name == "other"
    path.write_text("")
    assert load_spec(path).folds == 10


@pytest.mark.parametrize(
    ("source", "hint"), [("quikstart", "quickstart"), ("nope.yaml", None), ("folder/x.yaml", None)]
)
def test_unknown_source(source: str, hint: str | None) -> None:
    found, exit = messages(source)
    assert exit is Exit.SPEC
    assert found[0].startswith(f"no preset or file {source!r}")
    assert ("did you mean" in found[0]) == (hint is not None)


def test_a_list_is_no_spec(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("- a\n")
    assert messages(path) == (["s.yaml: expected a mapping of fields"], Exit.SPEC)


def test_overrides() -> None:
    spec = load_spec(
        "quickstart",
        ["folds=3", "space.vae.latent=[2]", "space.ratio=[50]", "limits.max_time=2h30m", "test={cells: all}"],
    )
    assert spec.folds == 3
    assert spec.space["vae.latent"] == (2,)
    assert spec.space["ratio"] == (50.0,)
    assert spec.limits.max_time == 9000.0
    assert spec.test is not None


def test_override_taken_as_it_is() -> None:
    assert load_spec({}, [("encoder.model", "a: #b")]).encoder.model == "a: #b"


@pytest.mark.parametrize(
    ("override", "pattern"),
    [
        ("folds", r"--set folds: expected field=value"),
        ("=5", r"--set =5: expected field=value"),
        ("fold=5", r"fold: unknown field \(did you mean 'folds'\?\)"),
        ("folds.x=5", r"--set folds\.x: folds has no fields"),
        ("folds=[", r"--set folds: not YAML"),
    ],
)
def test_wrong_override(override: str, pattern: str) -> None:
    with pytest.raises(SynaugError, match=pattern) as caught:
        load_spec({"folds": 4}, [override])
    assert caught.value.exit is Exit.SPEC


def test_override_is_named_as_the_place() -> None:
    with pytest.raises(SynaugError) as caught:
        load_spec("quickstart", ["space.k=[0]"])
    assert [problem.where for problem in caught.value.problems] == ["--set space.k"]


def test_overrides_do_not_reach_the_source() -> None:
    source = {"data": {"source": "a.csv"}}
    load_spec(source, ["data.text_col=body"], data="b.csv")
    assert source == {"data": {"source": "a.csv"}}


def test_other_data_drop_the_names_of_the_built_in_corpus() -> None:
    spec = load_spec("quickstart", data="mail.csv")
    assert spec.data.source == "mail.csv"
    assert spec.data.classes is None
    assert spec.imbalance.kind == "natural"


def test_local_data_drop_the_columns_of_the_hub_only() -> None:
    spec = load_spec("sst2", data="folder/sst2")
    assert (spec.data.source, spec.data.text_col) == ("folder/sst2", "text")
    assert spec.imbalance.kind == "minority"
    assert load_spec("sst2", data="hf://other/sst2").data.text_col == "sentence"
    assert load_spec("sst2", ["data.text_col=body"], data="x.csv").data.text_col == "body"
    assert load_spec({"data": {"source": "a.csv", "text_col": "body"}}, data="b.csv").data.text_col == "body"


@pytest.mark.parametrize("name", presets())
def test_written_yaml_loads_to_the_same_spec(name: str, tmp_path: Path) -> None:
    spec = load_spec(name)
    path = tmp_path / "spec.yaml"
    path.write_text(spec.to_yaml())
    assert load_spec(path) == spec
    assert load_spec(path).hash == spec.hash


def test_spelling_does_not_change_the_hash(tmp_path: Path) -> None:
    one = load_spec({"name": "t", "arms": ["smote", "none"], "space": {"ratio": [50, 100]}, "seed": 3})
    path = tmp_path / "t.yaml"
    path.write_text('seed: 3\nspace: {"ratio": [50.0, 1e2], vae.latent: [4]}\narms:\n- none\n- smote\n')
    assert load_spec(path).hash == one.hash


UNHASHED = ["name=x", "limits.max_time=5", "log_examples=3", "replicates=9", "search.trials=7"]


@pytest.mark.parametrize("override", UNHASHED)
def test_what_a_run_may_change(override: str) -> None:
    old, new = load_spec(BASE), load_spec(BASE, [override])
    assert old != new
    assert old.hash == new.hash
    assert diff_fields(old, new) == {}


@pytest.mark.parametrize(
    ("override", "field"),
    [
        ("seed=1", "seed"),
        ("space.k=[1,6]", "space.k"),
        ("classifier.ladder=[1,2]", "classifier.ladder"),
        ("arms=[none]", "arms"),
        ("data.rename.a=b", "data.rename.a"),
        ("test={cells: all}", "test.cells"),
        ("search.startup=9", "search.startup"),
    ],
)
def test_what_makes_another_sweep(override: str, field: str) -> None:
    old, new = load_spec(BASE), load_spec(BASE, [override])
    assert old.hash != new.hash
    assert field in diff_fields(old, new)


def test_a_spec_is_frozen() -> None:
    spec: Spec = load_spec(BASE)
    with pytest.raises(ValueError, match="frozen"):
        spec.folds = 3


def test_light_imports() -> None:
    code = (
        "import sys, sweeps.spec, sweeps.plan, sweeps.ledger, sweeps.ledger_state\n"
        "print(sorted({'ray', 'torch', 'mlflow', 'optuna'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("given", "seconds"), [("90", 90.0), ("10m", 600.0), ("1h 30s", 3630.0), (5, 5.0)])
@pytest.mark.parametrize("field", ["max_time", "cell_timeout"])
def test_times_as_the_command_line_gives_them(field: str, given: object, seconds: float) -> None:
    assert getattr(load_spec({"name": "t", "limits": {field: given}}).limits, field) == seconds
