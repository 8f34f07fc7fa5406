"""What the README shows is what the project says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sweeps.methods_table import classifiers_markdown, methods_markdown
from sweeps.spec import load_spec, presets

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_table_of_arms_is_the_registry() -> None:
    assert methods_markdown() in README, "put the output of `synaug methods --markdown` into the README"


def test_the_table_of_classifiers_is_the_registry() -> None:
    assert classifiers_markdown() in README, (
        "put the output of `synaug methods --classifiers --markdown` there"
    )


def test_pictures_and_files_that_it_names_are_there() -> None:
    named = [part.split(")")[0] for part in README.split("](")[1:]]
    local = [name for name in named if not name.startswith("http")]
    assert len(local) >= 3
    assert [name for name in local if not (ROOT / name).exists()] == []


def test_its_yaml_is_a_spec() -> None:
    block = README.split("```yaml")[1].split("```")[0]
    path = ROOT / "README.md"
    spec = load_spec({**_yaml(block), "name": path.stem.lower()})
    assert spec.replicates == 5
    assert spec.arms == ("none", "logit_adjust", "class_weight", "ros", "smote", "vae")


@pytest.mark.parametrize("study", sorted((ROOT / "docs/studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_study_is_a_spec(study: Path) -> None:
    assert load_spec(study).replicates == 10


def test_its_sampler_runs() -> None:
    names: dict[str, Any] = {}
    exec(README.split("```python")[2].split("```")[0], names)
    assert (names["y_more"] == 0).sum() == (names["y_more"] == 1).sum()
    assert len(names["X_more"]) == len(names["X"]) + len(names["sampler"].parents_)
    assert len(names["search"].cv_results_["params"]) == 5


def _yaml(text: str) -> dict[str, object]:
    import yaml

    loaded = yaml.safe_load(text)
    assert isinstance(loaded, dict)
    return loaded


def test_presets_load() -> None:
    assert set(presets()) >= {"quickstart", "sst2", "imdb", "ag_news"}
    for name in presets():
        assert load_spec(name).name == name
