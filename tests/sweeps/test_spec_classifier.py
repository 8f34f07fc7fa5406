"""The classifiers of a spec: what is said in short, what is refused, and what stays as it was."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import yaml

from sweeps.analysis.evidence import gather
from sweeps.analysis.scores import common_budgets
from sweeps.answers.sentences import budget_phrase, steps_text
from sweeps.feed import Entry
from sweeps.job import job_of
from sweeps.plan import cell_of, design_cells, protocol
from sweeps.spec import Spec, load_spec
from sweeps.spec_classifier import MODELS
from synaug.classifiers import CLASSIFIERS
from synaug.classifiers.options import MlpOptions
from synaug.errors import SynaugError


def spec_of(**fields: Any) -> Spec:
    arms, space = ["none", "smote"], {"k": [1, 5], "ratio": [100], "metric": ["euclidean"]}
    return load_spec({"name": "t", "arms": arms, "space": space, "precision": "float32", **fields})


def names(spec: Spec) -> list[str]:
    return [classifier.name for classifier in spec.every_classifier]


def test_one_classifier_is_the_network_and_the_list_is_not_spoken_of() -> None:
    spec = spec_of()
    assert names(spec) == ["mlp"]
    assert "classifiers" not in spec.hashed()
    assert "classifiers" not in spec.to_yaml()


@pytest.mark.parametrize("name", CLASSIFIERS.names())
def test_a_name_alone_is_a_classifier_with_the_defaults_that_it_declares(name: str) -> None:
    spec, kind = spec_of(classifier=name), CLASSIFIERS[name]
    assert names(spec) == [name]
    assert spec == spec_of(classifier={"name": name}) == spec_of(classifiers=[name])
    assert spec.classifier.options("float32") == kind()


def test_of_several_the_first_is_the_classifier_and_settings_stay_with_their_name() -> None:
    spec = spec_of(
        classifier={"hidden": 64}, classifiers=["logistic", "mlp", {"name": "knn", "metric": "cosine"}]
    )
    assert names(spec) == ["logistic", "mlp", "knn"]
    assert spec.classifier == spec.classifiers[0]
    network, neighbors = (spec.classifier_named(name).options("float32") for name in ("mlp", "knn"))
    assert isinstance(network, MlpOptions)
    assert network.hidden == 64
    assert neighbors == CLASSIFIERS["knn"](metric="cosine")
    assert load_spec(yaml.safe_load(spec.to_yaml())) == spec


def test_settings_of_a_classifier_that_is_not_listed_are_not_kept() -> None:
    assert spec_of(classifier={"hidden": 64}, classifiers=["knn"]) == spec_of(classifiers=["knn"])


BAD: list[tuple[dict[str, Any], str]] = [
    ({"classifier": "kn"}, r"classifier\.name: expected one of mlp, .*, got 'kn' \(did you mean 'knn'\?\)"),
    ({"classifier": {"name": "knn", "hidden": 3}}, r"classifier\.hidden: unknown field"),
    ({"classifier": 5}, r"classifier: expected a mapping, got 5"),
    ({"classifiers": "mlp"}, r"classifiers: expected a list, got 'mlp'"),
    ({"classifiers": ["mlp", "mlp"]}, r"classifiers: expected each classifier once"),
    ({"classifiers": ["mlp", "knnn"]}, r"classifiers\[1\]\.name: .* got 'knnn' \(did you mean 'knn'\?\)"),
    ({"classifiers": ["mlp", {"ladder": [1]}]}, r"classifiers\[1\]\.name: expected one of"),
    ({"classifiers": [{"name": "mlp", "hiden": 3}, "knn"]}, r"classifiers\[0\]\.hiden: .*mean 'hidden'"),
    ({"classifiers": ["mlp", {"name": "knn", "steps": 2}]}, r"classifiers\[1\]\.steps: .* a rung .*, got 2"),
    (
        {"classifiers": ["mlp", {"name": "logistic", "tolerance": 0}]},
        r"classifiers\[1\]\.tolerance: expected",
    ),
]


@pytest.mark.parametrize(("fields", "pattern"), BAD)
def test_what_is_wrong_is_told_once(fields: dict[str, Any], pattern: str) -> None:
    with pytest.raises(SynaugError, match=pattern) as caught:
        spec_of(**fields)
    assert len(caught.value.problems) == 1


def test_every_cell_of_the_design_is_there_for_every_classifier() -> None:
    alone, several = design_cells(spec_of()), design_cells(spec_of(classifiers=["mlp", "knn", "logistic"]))
    assert [cell.number for cell in several] == list(range(3 * len(alone)))
    for name in ("mlp", "knn", "logistic"):
        mine = [(cell.arm, cell.settings) for cell in several if cell.classifier == name]
        assert mine == [(cell.arm, cell.settings) for cell in alone]
    assert {cell.arm for cell in several[:6]} == {"none", "smote"}  # every default before any other


def test_cells_of_a_costly_classifier_come_first_in_both_parts() -> None:
    cells = design_cells(spec_of(classifiers=["mlp", "gradient_boosting"]))
    found = [cell.classifier for cell in cells]
    assert found == ["gradient_boosting"] * 2 + ["mlp"] * 2 + ["gradient_boosting", "mlp"]


def test_a_cell_of_the_network_is_measured_as_in_a_sweep_of_its_own() -> None:
    alone, several = spec_of(), spec_of(classifiers=["knn", "mlp"])
    assert protocol(several, "mlp") == protocol(alone)
    assert protocol(several) == protocol(several, "knn") != protocol(alone)
    first = next(cell for cell in design_cells(several) if cell.classifier == "mlp")
    config = first.config(several, "d", "e")
    assert config == design_cells(alone)[0].config(alone, "d", "e")
    assert cell_of(config, "design", first.number) == first


def test_records_name_the_classifier_and_its_own_steps() -> None:
    spec = spec_of(classifiers=["mlp", {"name": "knn", "steps": 9}])
    configs = [cell.config(spec, "d", "e") for cell in design_cells(spec)]
    assert Counter((c["classifier"], c["steps"]) for c in configs) == {("mlp", "folds"): 3, ("knn", 9): 3}
    labels = [Entry(cell, "", {}).label for cell in design_cells(spec)]
    assert "knn: smote k=5 ratio=100" in labels
    assert "smote k=5 ratio=100" in labels


def test_a_job_has_every_classifier_and_engines_train_the_network_alone() -> None:
    job = job_of(spec_of(classifiers=["knn", {"name": "mlp", "hidden": 4, "steps": 8}]))
    assert job.trained(None).options.name == "knn"
    assert job.trained("mlp").steps == 8
    assert job.network == job.trained("mlp").options == MlpOptions(hidden=4)
    assert job_of(spec_of(classifier="knn")).network is None


def test_every_registered_classifier_has_a_part_of_the_spec() -> None:
    assert set(MODELS) == set(CLASSIFIERS)
    for name, model in MODELS.items():
        assert set(model.model_fields) == {
            "name",
            "ladder",
            "steps",
            *(k.name for k in CLASSIFIERS[name].knobs()),
        }


def test_rungs_are_named_in_the_words_of_their_classifier() -> None:
    line: dict[str, Any] = {
        "kind": "result", "trial_key": "a", "replicate": 0, "scored_on": "dev",
        "config": {"classifier": "knn", "steps": "folds", "arm": "none"},
        "scores": {"dev_balanced_accuracy": 0.7}, "curve": [{"steps": 9, "dev_balanced_accuracy": 0.7}],
    }  # fmt: skip
    [budget] = common_budgets(gather([line]))
    assert budget_phrase(budget) == "At the common budget of 9 neighbours"
    line["config"]["classifier"] = "one of another project"
    [budget] = common_budgets(gather([line]))
    assert budget_phrase(budget) == "At the common budget of rung 9"
    assert steps_text(1) == "1 step"
