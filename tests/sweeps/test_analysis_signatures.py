"""Failure signatures on planted ledgers: what was planted fires, its opposite does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from sweeps.analysis.quality import minority_recalls, quality
from sweeps.analysis.signatures import SIGNATURES, Signature, signatures
from synaug.diagnostics.pairs import Pair
from synaug.diagnostics.placement import crossing_rate, island_rate

REPLICATES = 8
Line = dict[str, Any]


def line(
    key: str,
    replicate: int,
    config: Mapping[str, Any],
    *,
    score: float = 70.0,
    adjusted: float = 75.0,
    auc: float = 80.0,
    recall: float = 60.0,
    train_recall: float = 70.0,
    diagnostics: Mapping[str, float] | None = None,
    share: float = 1.0,
    stage: str = "design",
) -> Line:
    """One result; scores in points, with noise of their own and a draw that all cells share."""
    own = np.random.default_rng([replicate, *key.encode()])
    draw = np.random.default_rng(replicate).normal(0, 2)

    def noisy(points: float, sd: float = 0.2) -> float:
        return float(points + draw + own.normal(0, sd)) / 100

    scores = {
        "dev_balanced_accuracy": noisy(score),
        "dev_adjusted_balanced_accuracy": noisy(adjusted),
        "dev_auc": noisy(auc),
    }
    synthetic = "ratio" in config
    counts = {"real": {"rare": 10, "common": 100}}
    if synthetic:
        counts |= {"requested": {"rare": 90}, "achieved": {"rare": round(90 * share)}}
    recalls = {"recall": noisy(recall, 0.02), "train_recall": noisy(train_recall)}
    return {
        "kind": "result", "stage": stage, "trial_key": key, "replicate": replicate, "status": "ok",
        "config": {"data": "d", "encoder": "e", "classifier": "mlp", "steps": "folds", **config},
        "scored_on": "dev", "chosen_steps": 8, "scores": scores, "curve": [], "counts": counts,
        "per_class": {"rare": recalls, "common": {"recall": 0.9, "train_recall": 0.9}},
        "diagnostics": dict(diagnostics or {}),
    }  # fmt: skip


def cell(key: str, replicates: int = REPLICATES, *, arm: str = "smote", **planted: Any) -> list[Line]:
    """All replicates of a cell; a planted function is called with the replicate."""
    config = {"arm": arm} | ({} if arm == "none" else {"k": 5, "ratio": planted.pop("ratio", 100.0)})
    return [
        line(key, r, config, **{name: v(r) if callable(v) else v for name, v in planted.items()})
        for r in range(replicates)
    ]


def found(lines: list[Line], name: str, key: str) -> Signature:
    (one,) = [each for each in signatures(lines) if each.name == name and key in each.cells]
    assert name in SIGNATURES
    for reading in one.readings:
        if reading.low is not None and reading.estimate is not None and reading.high is not None:
            assert reading.low <= reading.estimate <= reading.high
    assert one.state != "not_testable" or one.reason
    return one


def banded(name: str, value: float, null: float, low: float, high: float) -> dict[str, float]:
    return {name: value, f"{name}_null": null, f"{name}_null_low": low, f"{name}_null_high": high}


def islands(replicate: int, planted: int) -> dict[str, float]:
    """Measured, not made up: 200 rows, some of them planted far away, beside real rows."""
    rng = np.random.default_rng([replicate, planted])

    def measured(rows: np.ndarray) -> float:
        return island_rate(Pair(rows, rng.normal(size=(200, 6)), rng.normal(size=(1, 200, 6))))

    rows = rng.normal(size=(200, 6))
    rows[:planted] = 8 + 0.3 * rng.normal(size=(planted, 6))
    null = [measured(rng.normal(size=(200, 6))) for _ in range(10)]
    return banded("island_rate", measured(rows), float(np.mean(null)), min(null), max(null))


def test_planted_islands_are_unrealistic_clusters() -> None:
    fired = found(cell("a", diagnostics=lambda r: islands(r, 20)), "unrealistic_clusters", "a")
    assert fired.state == "fired"
    assert fired.readings[0].estimate == pytest.approx(10.0, abs=0.6)  # 20 of 200, in points
    calm = found(cell("a", diagnostics=lambda r: islands(r, 0)), "unrealistic_clusters", "a")
    assert calm.state == "not_fired"
    assert calm.readings[0].estimate == pytest.approx(0, abs=0.6)


def crossings(replicate: int, distance: float) -> dict[str, float]:
    """Rows of a class that were put ``distance`` towards another class, 4 standard deviations away."""
    rng = np.random.default_rng([replicate, round(10 * distance)])
    step = 4 * np.eye(1, 3)

    def measured(shift: float) -> float:
        rows, real, other = (rng.normal(size=(100, 3)) for _ in range(3))
        return crossing_rate(Pair(rows + shift / 4 * step, real, (other + step)[None]))

    null = [measured(0.0) for _ in range(10)]
    return banded("crossing_rate", measured(distance), float(np.mean(null)), min(null), max(null))


@pytest.mark.parametrize(("distance", "state"), [(0.0, "not_fired"), (1.0, "fired"), (2.0, "fired")])
def test_label_crossing_between_two_clusters_of_a_known_distance(distance: float, state: str) -> None:
    """Past the middle lies Phi(distance - 2) of the rows: 2 points of 100 more than Phi(-2) count."""
    one = found(cell("a", diagnostics=lambda r: crossings(r, distance)), "label_crossing", "a")
    assert one.state == state
    expected = 100 * {0.0: 0.0, 1.0: 0.1587 - 0.0228, 2.0: 0.5 - 0.0228}[distance]
    assert one.readings[0].estimate == pytest.approx(expected, abs=3)
    assert one.readings[0].bound == 2


HEALTHY = {"vae_active_units": 3.0, "vae_kl": 2.08, "variance_ratio": 0.73, "effective_rank": 2.36}
COLLAPSES = [
    {"vae_active_units": 0.0},  # A17b
    {"vae_kl": 0.02},
    {"variance_ratio": 0.04},
    {"effective_rank": 1.1},
]


@pytest.mark.parametrize("planted", COLLAPSES, ids=lambda planted: next(iter(planted)))
def test_each_sign_of_a_collapse_is_enough(planted: dict[str, float]) -> None:
    def numbers(replicate: int) -> dict[str, float]:
        wiggle = 1 + 0.05 * np.random.default_rng(replicate).normal()
        return {name: value * wiggle for name, value in (HEALTHY | planted).items()}

    assert found(cell("a", arm="vae", diagnostics=numbers), "vae_collapse", "a").state == "fired"


def test_a_healthy_vae_has_not_collapsed_and_smote_is_not_asked() -> None:
    lines = cell("a", arm="vae", diagnostics=HEALTHY) + cell("b", diagnostics={"variance_ratio": 0.01})
    one = found(lines, "vae_collapse", "a")
    assert one.state == "not_fired"
    assert [(r.name, r.bound) for r in one.readings] == [
        ("vae_active_units", 0), ("vae_kl", 0.1), ("variance_ratio", 0.1), ("effective_rank", 2)
    ]  # fmt: skip
    assert not [each for each in signatures(lines) if each.name == "vae_collapse" and "b" in each.cells]


def test_an_uncertain_collapse_does_not_fire() -> None:
    spread = cell("a", arm="vae", diagnostics=lambda r: HEALTHY | {"vae_kl": 0.01 + 0.15 * (r % 2)})
    one = found(spread, "vae_collapse", "a")
    assert one.readings[1].estimate == pytest.approx(0.085)
    assert one.readings[1].high is not None
    assert one.readings[1].high > 0.1
    assert one.state == "not_fired"


@pytest.mark.parametrize(
    ("train_recall", "recall", "state"),
    [(100.0, 60.0, "fired"), (100.0, 50.0, "fired"), (100.0, 65.0, "not_fired"), (70.0, 60.0, "not_fired")],
)
def test_a_larger_minority_gap_without_a_better_recall_is_overfitting(
    train_recall: float, recall: float, state: str
) -> None:
    """As 1-NN on copies: all training rows known. A gap that comes with a better recall does not count."""
    none = cell("none", arm="none", recall=60.05, train_recall=70.0)
    one = found(
        [*none, *cell("a", arm="ros", recall=recall, train_recall=train_recall)], "minority_overfit", "a"
    )
    assert one.state == state
    gap, better = one.readings
    assert gap.estimate == pytest.approx(train_recall - recall - 9.95, abs=0.5)
    assert better.estimate == pytest.approx(recall - 60.05, abs=0.1)


def test_overfitting_needs_none_to_compare_with() -> None:
    one = found(cell("a", arm="ros"), "minority_overfit", "a")
    assert (one.state, one.reason) == ("not_testable", "there is no arm none to compare with")


def by_ratio(ratios: tuple[float, ...], **planted: Any) -> list[Line]:
    """One cell a ratio; a planted mapping gives the value at each."""
    return [
        each
        for ratio in ratios
        for each in cell(f"r{ratio}", ratio=ratio, **{name: at[ratio] for name, at in planted.items()})
    ]


@pytest.mark.parametrize(("slope", "state"), [(0.0, "fired"), (0.05, "fired"), (0.5, "not_fired")])
def test_a_flat_tail_of_minority_recall_is_a_plateau(slope: float, state: str) -> None:
    """The slope in points per 25 %: the rise before the last three ratios does not matter."""
    recall = {25.0: 30.0, 50.0: 55.0} | {100.0 + 50 * i: 60 + 2 * slope * i for i in range(3)}
    one = found(by_ratio(tuple(recall), recall=recall), "minority_plateau", "r200.0")
    assert one.state == state
    assert one.readings[0].estimate == pytest.approx(slope, abs=0.02)
    assert one.readings[0].level == 0.9
    assert one.cells == tuple(f"r{ratio}" for ratio in recall)
    assert "ratio" not in one.knobs


def test_two_ratios_have_no_plateau() -> None:
    one = found(by_ratio((50.0, 100.0)), "minority_plateau", "r50.0")
    assert one.reason == "3 ratios above 0 are needed, there are 2"


A12 = {50.0: 83.07, 100.0: 84.13, 150.0: 83.72, 200.0: 82.91}  # the closed form of two Gaussians


def test_the_decline_of_a12_is_prior_over_shift() -> None:
    flat = dict.fromkeys(A12, 84.13)
    one = found(by_ratio(tuple(A12), score=A12, adjusted=flat, auc=flat), "prior_overshift", "r200.0")
    assert one.state == "fired"
    assert [reading.name.split()[0] for reading in one.readings] == ["score", "adjusted", "auc"]
    assert one.readings[0].estimate == pytest.approx(82.91 - 84.13, abs=0.3)


@pytest.mark.parametrize("measure", ["adjusted", "auc"])
def test_a_decline_that_threshold_free_scores_share_is_not(measure: str) -> None:
    planted = {"score": A12, "adjusted": dict.fromkeys(A12, 84.0), "auc": dict.fromkeys(A12, 90.0)}
    planted[measure] = {ratio: 90 - ratio / 100 for ratio in A12}
    assert found(by_ratio(tuple(A12), **planted), "prior_overshift", "r200.0").state == "not_fired"


def test_a_rise_is_no_over_shift_and_100_is_the_reference() -> None:
    rise = {100.0: 80.0, 200.0: 82.0}
    assert found(by_ratio((100.0, 200.0), score=rise), "prior_overshift", "r200.0").state == "not_fired"
    for ratios in ((50.0, 100.0), (50.0, 200.0)):
        one = found(by_ratio(ratios), "prior_overshift", "r50.0")
        assert one.reason == "ratio 100 and a larger one are needed"


def test_fewer_rows_than_asked_for_are_told() -> None:
    fewer = found(cell("a", share=lambda r: 1.0 if r else 0.5), "no_synthetic", "a")
    assert fewer.state == "fired"
    assert (fewer.readings[0].low, fewer.readings[0].high) == (50, 100)
    assert fewer.readings[0].estimate == pytest.approx(100 - 50 / REPLICATES)
    assert found(cell("a"), "no_synthetic", "a").state == "not_fired"


def test_a_cell_that_made_no_row_at_all_is_told() -> None:
    """As Borderline-SMOTE on classes far apart."""
    reason = "no synthetic row for class 'rare': none of its rows is in danger"
    config = {"data": "d", "arm": "borderline_smote", "k": 5, "ratio": 100.0}
    ended = {
        "kind": "cell", "trial_key": "b", "config": config, "status": "not_applicable", "reason": reason
    }  # fmt: skip
    one = found([*cell("a"), {**ended}], "no_synthetic", "b")
    assert (one.state, one.arm, one.knobs) == ("fired", "borderline_smote", {"k": 5, "ratio": 100.0})
    other = {**ended, "reason": "too few rows for 5 neighbors"}
    assert not [each for each in signatures([*cell("a"), other]) if "b" in each.cells]


def test_one_replicate_or_no_diagnostics_is_not_testable() -> None:
    planted = banded("island_rate", 0.5, 0.0, 0.0, 0.0) | HEALTHY
    alone = signatures(cell("a", replicates=1, arm="vae", diagnostics=planted))
    by_name = {each.name: each.state for each in alone}
    assert set(by_name) == set(SIGNATURES)
    assert {name for name, state in by_name.items() if state != "not_testable"} == {"no_synthetic"}
    silent = found(cell("a"), "unrealistic_clusters", "a")
    assert silent.reason == "the ledger holds no island_rate with a band"


def test_repetitions_on_the_same_rows_are_not_testable() -> None:
    header = {"kind": "sweep", "inference": "repetitions", "folds": 5}
    one = found([header, *cell("a", diagnostics=lambda r: islands(r, 20))], "unrealistic_clusters", "a")
    assert one.state == "not_testable"
    assert one.readings[0].estimate == pytest.approx(10.0, abs=0.6)


def test_only_the_design_and_one_context_at_a_time() -> None:
    exploit = cell("x", stage="exploit", share=0.5)
    assert signatures([*cell("none", arm="none"), *exploit]) == ()
    elsewhere = [{**each, "config": {**each["config"], "encoder": "f"}} for each in cell("none", arm="none")]
    assert found([*elsewhere, *cell("a")], "minority_overfit", "a").state == "not_testable"


def test_frames_hold_values_beside_their_bands() -> None:
    lines = cell(
        "a", replicates=2, diagnostics=banded("recall", 0.1, 0.8, 0.7, 0.9) | {"recall_parents": 0.5}
    )
    frame = quality(lines)
    assert frame["name"].tolist() == ["recall", "recall_parents"] * 2
    assert frame.iloc[1].drop("trial_key").tolist() == [0, "recall_parents", 0.5, 0.8, 0.7, 0.9]
    assert quality(cell("b")).empty
    recalls = minority_recalls(lines)
    assert recalls.shape == (2, 1)
    assert recalls.loc[1, "a"] == lines[1]["per_class"]["rare"]["recall"]
