"""Claims and the self-check: what is said is what the records hold, and a changed number is found."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from sweeps.report import Claim, Report, claims_of, self_check, unsourced
from sweeps.report.claims import ask_all

MARGIN = 0.5


@pytest.fixture(scope="session")
def claims(made_cells: Any, made_header: Any) -> tuple[Claim, ...]:
    return claims_of(ask_all([made_header, *made_cells], MARGIN))


def test_all_questions_are_answered_with_unique_ids(claims: tuple[Claim, ...]) -> None:
    assert len({claim.id for claim in claims}) == len(claims) > 50


def test_every_number_of_a_sentence_is_in_its_claim(full: Report) -> None:
    entries = json.loads(full.files["claims.json"])["claims"]
    assert [(e["id"], unsourced(e)) for e in entries if e["cells"] and unsourced(e)] == []


@pytest.mark.parametrize("name", ["estimate", "low", "high"])
def test_a_changed_field_turns_the_check_red(name: str, claims: tuple[Claim, ...]) -> None:
    claim = next(c for c in claims if c.kind == "pair" and c.verdict == "better")
    entry = copy.deepcopy(dict(claim.entry))
    assert unsourced(entry) == ()
    entry[name] += 3.21
    entry["detail"] |= {name: entry[name], "by_rung": []}
    assert unsourced(entry) != ()


def test_a_changed_number_of_a_sentence_turns_the_check_red(claims: tuple[Claim, ...]) -> None:
    claim = next(c for c in claims if c.kind == "pair")
    entry = {**claim.entry, "sentence": f"{claim.sentence} It is 98.76."}
    assert unsourced(entry) == ("98.76",)


def test_digits_of_a_name_are_no_numbers(claims: tuple[Claim, ...]) -> None:
    claim = next(c for c in claims if c.kind == "pair")
    entry = {**claim.entry, "sentence": f"[data sst-987] {claim.sentence}"}
    assert unsourced(entry) == ("987",)
    assert unsourced({**entry, "detail": {**claim.detail, "context": {"data": "sst-987"}}}) == ()


def test_what_would_change_a_verdict_is_in_numbers_of_the_claim(claims: tuple[Claim, ...]) -> None:
    said = [claim for claim in claims if claim.entry["would_change"]]
    assert {claim.verdict for claim in said} >= {"better", "worse", "inconclusive"}
    wrong = {**said[0].entry, "would_change": "if the margin were 98.76 points"}
    assert unsourced(wrong) == ("98.76",)


def test_an_honest_ledger_passes(made_cells: Any, made_header: Any, claims: tuple[Claim, ...]) -> None:
    checks = self_check([made_header, *made_cells], claims, "replicates")
    assert [check.wrong for check in checks] == [()] * len(checks)
    counted = int(checks[1].found.split()[0])
    assert counted > 30


def test_claims_of_other_scores_are_found(
    made_cells: Any, made_header: Any, claims: tuple[Claim, ...]
) -> None:
    changed = copy.deepcopy(made_cells)
    ros = next(line for line in changed if line["config"]["arm"] == "ros")
    ros["scores"]["dev_balanced_accuracy"] += 0.001
    wrong = self_check([made_header, *changed], claims, "replicates")[1].wrong
    assert wrong
    assert all("the lines give" in text for text in wrong)


def test_a_verdict_that_does_not_follow_is_found(made_header: Any, claims: tuple[Claim, ...]) -> None:
    turned = [Claim({**c.entry, "verdict": "equivalent"}) if c.verdict == "better" else c for c in claims]
    pairs = [c for c in claims if c.kind == "pair" and c.verdict == "better"]
    assert len(self_check([made_header], turned, "replicates")[2].wrong) == len(pairs) > 0


def test_a_line_that_was_changed_is_found(made_cells: Any) -> None:
    from sweeps.canonical import crc32

    sealed = [{**line, "crc": crc32(line)} for line in made_cells]
    assert self_check(sealed, (), "replicates")[4].wrong == ()
    sealed[3] = {**sealed[3], "chosen_steps": 2}
    assert self_check(sealed, (), "replicates")[4].wrong == ("line 4: its crc does not fit",)


def test_a_second_result_is_told(made_cells: Any) -> None:
    [wrong] = self_check([*made_cells, made_cells[0]], (), "replicates")[3].wrong
    assert "two results" in wrong
