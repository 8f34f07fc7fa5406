"""Arms over data sets: ranks, the pooled difference, and what is no block."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sweeps.answers import Answer, Answers, ask, forbidden_words, unsourced_numbers
from sweeps.cli import asking
from tests.sweeps.planted_cells import Lines, Plant, ledger

DEMSAR = (  # table 6: C4.5, with m, with cf, with both
    (76.3, 76.8, 77.1, 79.8), (59.9, 59.1, 59.0, 56.9), (95.4, 97.1, 96.8, 96.7), (62.8, 66.1, 65.4, 65.7),
    (88.2, 88.8, 88.6, 89.8), (93.6, 93.1, 91.6, 93.1), (66.1, 66.8, 60.9, 68.5), (58.3, 58.3, 56.3, 62.5),
    (77.5, 83.8, 86.6, 87.5), (100, 100, 100, 100), (94.0, 96.2, 96.5, 96.2), (61.9, 66.6, 61.4, 66.9),
    (97.2, 98.1, 97.501, 97.5), (95.7, 97.8, 94.6, 97.0),
)  # fmt: skip
ARMS = ("none", "smote", "ros", "vae")
EFFECTS, VARIANCES = (0.5, 1.5, 0.2, 2.0, 0.8), (0.04, 0.09, 0.04, 0.16, 0.09)


def exact(number: int, rows: dict[str, tuple[float, ...]]) -> Lines:
    """A sweep whose scores in per cent are these and nothing else."""
    head = {"kind": "sweep", "sweep": f"s{number}", "data_digest": str(number), "inference": "replicates"}
    results = [
        {
            "kind": "result",
            "trial_key": f"{arm}-{number}",
            "config": {"data": f"d{number}", "arm": arm},
            "replicate": replicate,
            "scores": {"dev_balanced_accuracy": value / 100},
        }
        for arm, values in rows.items()
        for replicate, value in enumerate(values)
    ]
    return [head, *results]


def over(sweeps: list[Lines], question: str = "data_sets") -> Answers:
    found = ask(sweeps[0], question, against=sweeps[1], further=sweeps[2:])
    for answer in found.answers:
        assert unsourced_numbers(answer) == (), answer.sentence
        assert forbidden_words(answer) == (), answer.sentence
    return found


def kinds(found: Answers, kind: str) -> list[Answer]:
    return [answer for answer in found.answers if answer.detail["kind"] == kind]


def planted(gains: tuple[float, ...], **header: Any) -> list[Lines]:
    return [
        ledger(
            [Plant(arm, 64 + gain * (arm == "smote") + (arm == "ros"), context={"data": f"d{i}"})
             for arm in ("none", "ros", "smote")],
            seed=i, sd=0.2, sweep=f"s{i}", **{"data_digest": f"{i}", **header},
        )
        for i, gain in enumerate(gains)
    ]  # fmt: skip


def test_ranks_are_those_of_demsar() -> None:
    sweeps = [
        exact(i, {arm: (value,) * 2 for arm, value in zip(ARMS, row, strict=True)})
        for i, row in enumerate(DEMSAR)
    ]
    (answer,) = kinds(over(sweeps), "ranks")
    expected = dict(zip(ARMS, (3.143, 2.0, 2.893, 1.964), strict=True))
    assert answer.detail["ranks"] == pytest.approx(expected, abs=5e-4)
    assert answer.detail["chi2"] == pytest.approx(9.2786, abs=5e-5)
    assert answer.detail["p_F"] == pytest.approx(0.01982, abs=5e-6)
    assert answer.detail["critical_difference"] == pytest.approx(1.2536, abs=5e-5)
    assert answer.detail["differing"] == 0
    assert "ranks differ when 1.25 apart (Nemenyi, 5 %), and 0 pairs do" in answer.sentence
    assert answer.n == 14


def test_the_pooled_difference_is_that_of_dersimonian_and_laird() -> None:
    sweeps = []
    for i, (effect, variance) in enumerate(zip(EFFECTS, VARIANCES, strict=True)):
        spread = (3 * variance) ** 0.5  # of three values whose mean then has this variance
        values = (60 + effect - spread, 60 + effect, 60 + effect + spread)
        sweeps.append(exact(i, {"none": (60.0,) * 3, "smote": values}))
    (answer,) = kinds(over(sweeps), "pooled")
    assert answer.estimate == pytest.approx(0.9415, abs=5e-5)
    assert answer.detail["interval_normal"] == pytest.approx((0.3622, 1.5209), abs=5e-5)
    assert answer.detail["tau2"] == pytest.approx(0.357, abs=5e-4)
    assert answer.detail["i2"] == pytest.approx(84.0, abs=0.05)
    assert "exploratory, fewer than 6 data sets" in answer.sentence
    assert answer.low is not None
    assert answer.low < 0.3622  # that of Hartung and Knapp is the wider one


def test_three_data_sets_have_a_prediction_and_no_critical_difference() -> None:
    found = over(planted((4.0, 5.0, 6.0)), "method")
    (ranks,) = kinds(found, "ranks")
    assert "no critical difference is drawn with fewer than 5 data sets" in ranks.sentence
    assert "critical_difference" not in ranks.detail
    (smote,) = [a for a in kinds(found, "pooled") if a.detail["arm"] == "smote"]
    low, high = smote.detail["prediction"]
    assert low < smote.low < 5 < smote.high < high
    assert [row["data"] for row in smote.detail["effects"]] == ["d0", "d1", "d2"]
    assert smote.detail["family_size"] == 2
    assert len(kinds(found, "against")) == 6  # each sweep with the first one, too


def test_a_data_set_counts_once_however_many_sweeps_hold_it() -> None:
    sweeps = planted((4.0, 5.0, 6.0), data_digest="the same")
    found = over(sweeps)
    assert [answer.verdict for answer in found.answers] == ["not_applicable"]
    assert any("is there more than once" in text for text in found.warnings)


def test_one_sweep_says_how_to_compare() -> None:
    (answer,) = ask(planted((4.0,))[0], "data_sets").answers
    assert "--against" in answer.sentence


def test_the_command_takes_several_sweeps_and_prints_a_row_an_arm(tmp_path: Path) -> None:
    files = []
    for i, lines in enumerate(planted((4.0, 5.0, 6.0))):
        files.append(tmp_path / f"{i}.jsonl")
        files[-1].write_text("".join(json.dumps(line) + "\n" for line in lines))
    others = [text for file in files[1:] for text in ("--against", str(file))]
    said = CliRunner().invoke(asking.app, ["ask", str(files[0]), "method", *others])
    assert said.exit_code == 0, said.output
    row = next(line for line in said.output.splitlines() if line.startswith("smote over none"))
    assert row.count("[") == 3
