"""The stages around the design: A/A clones, sizes, the Sobol block, the race and the confirmation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from sweeps.plan import Cell, cell_of, confirm_cells, planned_cells, scene_of, sobol_points
from sweeps.racing import Best, lost
from sweeps.spec import Spec, load_spec
from synaug.errors import SynaugError

FIELDS: Mapping[str, Any] = {
    "name": "t",
    "arms": ["none", "ros", "smote"],
    "imbalance": {"kind": "minority", "minority": ["a"], "n_majority": 100, "n_minority": 20},
    "space": {"k": [1, 5], "ratio": [100], "metric": ["euclidean"]},
}


def spec(**fields: Any) -> Spec:
    return load_spec({**FIELDS, **fields})


def stages(cells: Any) -> dict[str, int]:
    return dict(Counter(cell.stage for cell in cells))


def results(*scores: float) -> dict[int, dict[str, Any]]:
    return {
        r: {"status": "ok", "scored_on": "dev", "scores": {"dev_balanced_accuracy": score}}
        for r, score in enumerate(scores)
    }


def test_every_sweep_has_two_clones_of_none_and_of_smote() -> None:
    clones = [cell for cell in planned_cells(spec()) if cell.stage == "control"]
    assert [(c.arm, c.extras) for c in clones] == [
        (arm, (("nuisance", number),)) for arm in ("none", "smote") for number in (1, 2)
    ]
    default = next(c for c in planned_cells(spec()) if c.arm == "smote")
    assert {c.settings for c in clones if c.arm == "smote"} == {default.settings}
    assert stages(planned_cells(spec(controls=0))) == {"design": 4}


def test_without_smote_the_first_arm_with_synthetic_rows_is_cloned() -> None:
    clones = [cell.arm for cell in planned_cells(spec(arms=["ros", "vae"])) if cell.stage == "control"]
    assert clones == ["ros", "ros"]


def test_every_arm_runs_at_every_size() -> None:
    cells = planned_cells(spec(sizes=[[100, 10], [50, 10]], controls=0))
    sized = [cell for cell in cells if cell.extras]
    assert Counter(scene_of(dict(c.extras)) for c in sized) == {"100:10": 3, "50:10": 3}
    assert {c.stage for c in sized} == {"design"}
    assert [c.number for c in cells] == list(range(len(cells)))


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ([[100, 30]], "at most 100 and 20"),
        ([[200, 10]], "at most 100 and 20"),
        ([[10, 20]], "at most 100 and 20"),
        ([[100, 10], [100, 10]], "every pair once"),
    ],
)
def test_sizes_that_no_draw_holds_are_refused(sizes: list[list[int]], text: str) -> None:
    with pytest.raises(SynaugError, match=text):
        spec(sizes=sizes)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ({"sizes": [[100, 10]]}, "kind minority or step"),
        ({"confirm": {"replicates": 3}}, "natural imbalance"),
    ],
)
def test_natural_data_have_no_other_draws(field: dict[str, Any], text: str) -> None:
    with pytest.raises(SynaugError, match=text):
        spec(imbalance={"kind": "natural"}, **field)


def test_the_sobol_block_is_the_same_for_all_arms_and_even() -> None:
    made = spec(robustness={"points": 8})
    cells = [cell for cell in planned_cells(made) if cell.stage == "robustness"]
    assert Counter(cell.arm for cell in cells) == {"none": 8, "ros": 8, "smote": 8}
    by_arm = {arm: {c.extras for c in cells if c.arm == arm} for arm in made.arms}
    assert by_arm["none"] == by_arm["ros"] == by_arm["smote"]
    points = [dict(point) for point in sobol_points(made)]
    rates = np.log10([point["mlp.learning_rate"] for point in points])
    assert np.histogram(rates, bins=8, range=(-3, -1))[0].tolist() == [1] * 8
    assert all(32 <= point["mlp.hidden"] <= 512 for point in points)
    assert sobol_points(made) == sobol_points(made)
    assert sobol_points(made) != sobol_points(spec(robustness={"points": 8}, seed=1))


@pytest.mark.parametrize("points", [3, -1, 2048])
def test_a_number_of_sobol_points_that_is_not_even_is_refused(points: int) -> None:
    with pytest.raises(SynaugError, match=r"robustness\.points"):
        spec(robustness={"points": points})


def test_a_recorded_configuration_gives_its_cell_back() -> None:
    made = spec(sizes=[[100, 10]], robustness={"points": 2}, confirm={"replicates": 2})
    cells = [*planned_cells(made), *confirm_cells(made, {}, 100)]
    for cell in cells:
        config = cell.config(made, "d", "e")
        assert cell_of(config, cell.stage, cell.number) == cell


def test_the_confirmation_has_defaults_winners_and_clones() -> None:
    made = spec(confirm={"replicates": 2})
    winner = (("k", 1), ("metric", "euclidean"), ("ratio", 100.0))
    cells = confirm_cells(made, {"smote": winner, "none": ()}, 10)
    plain = [(c.arm, dict(c.settings).get("k")) for c in cells if c.extras == (("draws", "confirm"),)]
    assert plain == [("none", None), ("ros", None), ("smote", 5), ("smote", 1)]
    assert len(cells) == len(plain) + 4
    assert [c.number for c in cells] == list(range(10, 10 + len(cells)))
    assert {c.stage for c in cells} == {"confirm"}


BEST = Best.of("smote k=5", 0.8, results(0.8, 0.81, 0.79, 0.8))


@pytest.mark.parametrize(
    ("scores", "out"),
    [
        ((0.70, 0.711, 0.69), True),
        ((0.70, 0.71, 0.69), True),  # every difference the same
        ((0.80, 0.81, 0.79), False),
        ((0.90, 0.91, 0.89), False),
        ((0.70, 0.90, 0.75), False),  # worse on the mean, but not beyond doubt
        ((0.70, 0.71), False),
    ],
)
def test_a_cell_is_given_up_when_it_is_worse_beyond_doubt(scores: tuple[float, ...], out: bool) -> None:
    assert (lost(results(*scores), BEST) is not None) == out


def test_a_cell_that_leads_or_failed_is_not_given_up() -> None:
    assert lost(results(0.1, 0.1, 0.1), None) is None
    bad = results(0.1, 0.1, 0.1) | {1: {"status": "not_applicable", "scores": {}, "scored_on": None}}
    assert lost(bad, BEST) is None


def test_the_reason_has_the_difference_and_the_cell() -> None:
    assert lost(results(0.70, 0.711, 0.69), BEST) == (
        "-9.97 points against smote k=5 on 3 replicates, one-sided p = 0.000"
    )


def test_a_cell_of_other_draws_is_another_cell() -> None:
    one, other = (Cell("none", (), "design", 0, extras) for extras in ((), (("draws", "confirm"),)))
    assert one.config(spec(), "d", "e") != other.config(spec(), "d", "e")
