"""Sections that need more than one stage or sweep: data sets, robustness, searches, latent dimensions."""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import product
from typing import Any

import pytest

from sweeps.report import PAGE, Report, make
from sweeps.report.sections.data_sets import joined
from tests.sweeps.planted_cells import Lines, Plant, ledger

GAINS = (6.0, 5.0, 7.0, 4.0, 6.5)  # of smote over none, by data set
KL = {"vae_kl_1": 1.04, "vae_kl_2": 0.69, "vae_kl_3": 0.002}  # nats


def swept(number: int, *more: Plant) -> Lines:
    context = {"data": f"d{number}"}
    arms = [
        Plant("none", 64, adjusted=70, context=context),
        Plant("ros", 66, {"ratio": 100.0}, context=context),
        Plant("smote", 64 + GAINS[number], {"ratio": 100.0}, context=context),
    ]
    head = {"sweep": f"s{number}", "data_digest": str(number)}
    return ledger([*arms, *more], replicates=4, seed=number, sd=0.2, **head)


@pytest.fixture(scope="module")
def lines() -> Lines:
    context = {"data": "d0"}
    points = [{"mlp.learning_rate": rate, "mlp.hidden": width}
              for rate, width in product((0.001, 0.01), (32, 64))]  # fmt: skip
    block = [Plant(arm, score, {**knobs, **point}, stage="robustness", context=context)
             for point in points
             for arm, score, knobs in (("none", 64, {}), ("smote", 70, {"ratio": 100.0}))]  # fmt: skip
    tried = [Plant("smote", 70 + k / 10, {"ratio": 50.0 + k, "k": k}, stage="exploit", context=context)
             for k in (1, 3, 5, 7)]  # fmt: skip
    vae = Plant("vae", 68, {"ratio": 100.0, "latent": 3}, context=context, diagnostics=KL)
    found = swept(0, *block, *tried, vae)
    for line in found[1:]:
        minority = 10 * line["replicate"] + (40 if line["config"]["arm"] == "none" else 55)
        line["confusion"] = [[minority, 100 - minority], [10, 90]]
    return found


@pytest.fixture(scope="module")
def report(lines: Lines) -> Report:
    return make(lines, "many", [swept(i) for i in range(1, 5)])


def table(report: Report, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(report.files[f"tables/{name}.csv"].decode())))


def section(report: Report, name: str) -> str:
    text = report.files[PAGE].decode()
    return text.partition(f'<section id="{name}">')[2].partition("</section>")[0]


def test_the_page_is_sound(report: Report) -> None:
    assert report.wrong == ()


def test_gains_by_data_set_and_their_ranks(report: Report) -> None:
    (smote,) = [row for row in table(report, "data-sets") if (row["arm"], row["base"]) == ("smote", "none")]
    assert [float(smote[f"d{i}"]) for i in range(5)] == pytest.approx(GAINS, abs=0.6)
    assert float(smote["low"]) < sum(GAINS) / 5 < float(smote["high"])
    said = section(report, "data_sets")
    assert "Exploratory: fewer than six data sets" in said
    assert "smote: average rank 1.00" in said
    assert {"figures/critical-difference.pdf", "figures/data-sets.png"} <= set(report.files)


@pytest.mark.parametrize(
    ("ranks", "cd", "runs"),
    [
        ([1.0, 2.0, 3.0], 0.5, []),
        ([1.0, 2.0, 3.0], 5.0, [(0, 2)]),
        ([1.0, 1.8, 2.9, 3.5], 1.2, [(0, 1), (1, 2), (2, 3)]),
        ([1.964, 2.0, 2.893, 3.143], 1.2536, [(0, 3)]),
    ],
)
def test_bars_join_what_lies_within_the_critical_difference(
    ranks: list[float], cd: float, runs: list[tuple[int, int]]
) -> None:
    assert joined(ranks, cd) == runs


def test_gains_over_settings(report: Report) -> None:
    (row,) = table(report, "robustness")
    assert (row["arm"], row["base"], row["settings"], row["holds"]) == ("smote", "none", "4", "everywhere")
    said = section(report, "robustness")
    assert re.search(r"smote, learning rate 0.001, hidden 32: [+]\d[.]\d\d points", said)


def test_searched_trials_are_marked_as_adaptive(report: Report) -> None:
    said = section(report, "winner")
    assert len(re.findall(r"<title>smote [^<]*[(]adaptive: not for inference[)]</title>", said)) == 4
    assert "figures/searched-smote.pdf" in report.files


def test_latent_dimensions_have_their_divergence(report: Report) -> None:
    said = section(report, "vae")
    assert "vae, dimension 1: 1.04 nats" in said
    assert "dimension 3: 0.002 nats" in said


def test_the_confusion_matrix_s_change_has_an_interval(report: Report) -> None:
    rows = {(r["arm"], r["true"], r["predicted"]): r for r in table(report, "confusion")}
    change = rows["smote", "neg", "neg"]
    assert float(change["estimate"]) == pytest.approx(15)
    assert (float(change["low"]), float(change["high"])) == pytest.approx((15, 15))
    assert float(rows["smote", "neg", "pos"]["estimate"]) == pytest.approx(-15)
    assert float(rows["smote", "pos", "pos"]["estimate"]) == pytest.approx(0)


def test_claims_hold_what_is_said_of_data_sets(report: Report) -> None:
    claims: list[dict[str, Any]] = json.loads(report.files["claims.json"])["claims"]
    kinds = {c["detail"]["kind"] for c in claims if c["question"] == "data_sets"}
    assert kinds == {"pooled", "ranks"}
