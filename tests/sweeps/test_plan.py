"""Plans: which cells a design has, in which order, under which keys."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from sweeps.plan import Cell, cell_of, design_cells, plan_lines, protocol, trial_key
from sweeps.space import arm_levels, defaults
from sweeps.spec import Spec, load_spec
from sweeps.spec_fit import check_against
from synaug.errors import Exit, SynaugError
from synaug.knobs import Value
from synaug.methods import METHODS

SPACE = {"k": [1, 5, 15], "ratio": [50, 100], "metric": ["euclidean"]}


def spec_of(**fields: Any) -> Spec:
    return load_spec({"name": "t", "arms": ["none", "ros", "smote"], "space": SPACE, **fields})


def rows(spec: Spec) -> list[tuple[str, dict[str, Any]]]:
    return [(cell.arm, dict(cell.settings)) for cell in design_cells(spec)]


DEFAULTS = [
    ("none", {}),
    ("ros", {"ratio": 100.0}),
    ("smote", {"k": 5, "metric": "euclidean", "ratio": 100.0}),
]


def test_defaults_design() -> None:
    assert rows(spec_of(design="defaults")) == DEFAULTS


def test_one_factor_design() -> None:
    found = rows(spec_of(design="one_factor"))
    assert found[:3] == DEFAULTS
    rest = [
        ("ros", {"ratio": 50.0}),
        ("smote", {"k": 1, "metric": "euclidean", "ratio": 100.0}),
        ("smote", {"k": 15, "metric": "euclidean", "ratio": 100.0}),
        ("smote", {"k": 5, "metric": "euclidean", "ratio": 50.0}),
    ]
    assert sorted(found[3:], key=str) == sorted(rest, key=str)


def test_factorial_design() -> None:
    found = rows(spec_of(design="factorial"))
    assert found[:3] == DEFAULTS
    smote = [settings for arm, settings in found if arm == "smote"]
    assert sorted((s["k"], s["ratio"]) for s in smote) == sorted(
        (k, ratio) for k in (1, 5, 15) for ratio in (50.0, 100.0)
    )


@pytest.mark.parametrize("design", ["defaults", "one_factor", "factorial"])
def test_cells_are_distinct_numbered_and_grouped(design: str) -> None:
    spec = spec_of(design=design)
    cells = design_cells(spec)
    assert [cell.number for cell in cells] == list(range(len(cells)))
    assert len({(cell.arm, cell.settings) for cell in cells}) == len(cells)
    assert [cell.arm for cell in cells[: len(spec.arms)]] == list(spec.arms)
    later = [spec.arms.index(cell.arm) for cell in cells[len(spec.arms) :]]
    assert later == sorted(later)


def test_cells_of_costly_arms_come_first_in_both_parts() -> None:
    space = {**SPACE, "vae.latent": [16, 2], "vae.beta": [1.0]}
    found = rows(spec_of(arms=["ros", "smote", "vae"], design="factorial", space=space))
    assert [arm for arm, _ in found[:3]] == ["vae", "ros", "smote"]
    later = [arm for arm, _ in found[3:]]
    assert later == ["vae"] * 3 + ["ros"] + ["smote"] * 5


def test_default_outside_the_levels_is_still_a_cell() -> None:
    spec = spec_of(arms=["smote"], design="factorial", space={**SPACE, "k": [1, 15]})
    ks = [dict(cell.settings)["k"] for cell in design_cells(spec)]
    assert ks[0] == 5
    assert sorted(ks[1:]) == [1, 1, 15, 15]


def test_one_level_is_the_default() -> None:
    spec = spec_of(arms=["smote"], space={**SPACE, "k": [9], "ratio": [150]})
    assert rows(spec) == [("smote", {"k": 9, "metric": "euclidean", "ratio": 150.0})]


def test_levels_of_one_arm_go_before_those_of_all() -> None:
    spec = spec_of(space={**SPACE, "smote.ratio": [200]})
    assert arm_levels(spec, "smote")["ratio"] == (200.0,)
    assert arm_levels(spec, "ros")["ratio"] == (50.0, 100.0)
    assert arm_levels(spec, "none") == {}


def test_without_a_space_the_knobs_own_levels_rule() -> None:
    spec = spec_of(space={})
    own = {k.name: k.levels for k in METHODS["smote"].knobs() if k.levels}
    assert arm_levels(spec, "smote") == own
    assert defaults(spec, "smote").keys() == own.keys()


def test_quickstart_is_small() -> None:
    assert 18 <= len(design_cells(load_spec("quickstart"))) <= 32


def test_cell_makes_its_method_and_config() -> None:
    cell = Cell("smote", (("k", 3), ("ratio", 50.0)), "design", 0)
    assert (cell.method().settings()["k"], cell.method().settings()["ratio"]) == (3, 50.0)
    config = cell.config(spec_of(), "sst2", "minilm")
    assert config == {
        "data": "sst2",
        "encoder": "minilm",
        "classifier": "mlp",
        "steps": "folds",
        "arm": "smote",
        "k": 3,
        "ratio": 50.0,
    }
    assert cell_of(config, "design", 0) == cell


def test_cell_with_a_wrong_knob() -> None:
    with pytest.raises(SynaugError, match=r"smote\.k: expected integers"):
        Cell("smote", (("k", 0),), "design", 0).method()


def test_protocol_holds_what_numbers_depend_on() -> None:
    assert protocol(spec_of(seed=7)).keys() == {"imbalance", "folds", "classifier", "precision", "seed"}
    assert protocol(spec_of()) == protocol(spec_of(replicates=9, search={"trials": 3}, design="defaults"))
    assert protocol(spec_of()) != protocol(spec_of(seed=1))


def test_trial_key_by_hand() -> None:
    config: dict[str, Value] = {"arm": "smote", "k": 5, "data": "ä"}
    parts = {
        "config": config,
        "data": "d1",
        "encoder": "e1",
        "engine_version": 1,
        "protocol": {"folds": 10, "seed": 0},
    }
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    expected = hashlib.sha256(text.encode()).hexdigest()[:16]
    assert trial_key(config, "d1", "e1", {"seed": 0, "folds": 10}, 1) == expected


def test_everything_in_a_trial_key_counts() -> None:
    base: tuple[Any, ...] = ({"arm": "none"}, "d", "e", {"seed": 0}, 1)
    others: list[tuple[Any, ...]] = [({"arm": "ros"}, *base[1:])]
    others += [(*base[:i], value, *base[i + 1 :]) for i, value in ((1, "x"), (2, "x"), (3, {}), (4, 2))]
    assert len({trial_key(*parts) for parts in (base, *others)}) == 6


def test_plan_lines() -> None:
    lines = plan_lines(design_cells(spec_of())).splitlines()
    first = json.loads(lines[0])
    assert first == {"number": 0, "stage": "design", "classifier": "mlp", "arm": "none", "settings": {}}
    assert len(lines) == len(design_cells(spec_of()))


DRAWN = {"kind": "minority", "n_majority": 100, "ratio": 5}


@pytest.mark.parametrize(
    ("minority", "pattern"),
    [
        (["negativ"], r"imbalance\.minority\[0\]: unknown class 'negativ' \(did you mean 'negative'\?\)"),
        (["negative", "positive"], r"expected one, some or all but one"),
    ],
)
def test_minority_names_against_the_data(minority: list[str], pattern: str) -> None:
    spec = spec_of(imbalance={**DRAWN, "minority": minority})
    with pytest.raises(SynaugError, match=pattern) as caught:
        check_against(spec, ("negative", "positive"), 384)
    assert caught.value.exit is Exit.SPEC


def test_latent_space_against_the_encoder() -> None:
    spec = load_spec({"arms": ["vae"], "space": {"latent": [4, 64]}})
    check_against(spec, ("a", "b"), 64)
    with pytest.raises(SynaugError, match=r"space\.vae\.latent: expected at most the 63 .*, got 64"):
        check_against(spec, ("a", "b"), 63)


def test_a_spec_that_fits_passes() -> None:
    spec = spec_of(imbalance={**DRAWN, "minority": ["a"]})
    check_against(spec, ("a", "b"), 384)
    assert spec.imbalance.kind == "minority"
