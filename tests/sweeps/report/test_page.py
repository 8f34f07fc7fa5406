"""The page: sections, sentences, nothing from the network, nothing unescaped."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from sweeps.report import PAGE, Report, make
from sweeps.report.sections import SECTIONS

IDS = ("protocol", "noise", "budget", "methods", "knobs", "ratio", "vae", "quality", "transfer", "data_sets",
       "robustness", "winner", "signatures", "limits")  # fmt: skip
LIMIT = 3_000_000  # bytes


class Reader(HTMLParser):
    """Collects elements, the text of every claim, and what is missing of a section."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.sentences: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if dict(attrs).get("data-claim"):
            self.sentences.append((str(dict(attrs)["data-claim"]), ""))
            self._open = True

    def handle_data(self, data: str) -> None:
        if getattr(self, "_open", False):
            name, said = self.sentences[-1]
            self.sentences[-1] = (name, said + data)

    def handle_endtag(self, tag: str) -> None:
        self._open = False


def page(report: Report) -> str:
    return report.files[PAGE].decode()


def section(text: str, name: str) -> str:
    return text.partition(f'<section id="{name}">')[2].partition("</section>")[0]


def test_answers_beside_the_first_of_a_card_say_what_they_are_about(full: Report) -> None:
    pattern = r'<span class="who">([^<]*)</span> <button type="button" class="ref" data-open="([^"]*)"'
    beside = re.findall(pattern, page(full))
    assert beside
    assert [name for name, claim in beside if name == claim] == []
    assert "without none, averaged over budgets" in {name for name, _ in beside}


@pytest.mark.parametrize("name", IDS)
def test_every_section_is_there_and_filled_by_a_full_ledger(name: str, full: Report) -> None:
    found = section(page(full), name)
    assert "<h2>" in found
    assert ("Nothing to show" in found) == (name in ("transfer", "data_sets", "robustness"))


def test_sections_are_those_of_the_list(full: Report) -> None:
    assert re.findall(r'<section id="([\w-]+)"', page(full)) == ["answers", *IDS, "check"]
    assert len(SECTIONS) == len(IDS)


@pytest.mark.parametrize(
    "name", ["knobs", "ratio", "vae", "quality", "transfer", "budget", "data_sets", "robustness"]
)
def test_a_section_without_data_says_what_would_fill_it(name: str, bare: Report) -> None:
    assert re.search(r"Nothing to show: this would need [^.]{10,}\.", section(page(bare), name))


def test_a_ledger_of_scores_alone_has_answers(bare: Report) -> None:
    text = page(bare)
    assert 'id="card-method"' in text
    assert "ros" in section(text, "methods")
    assert bare.wrong == ()


def test_a_ledger_without_results_is_a_page_too() -> None:
    made = make([], "nothing")
    assert "This ledger holds no result with a score" in page(made)
    assert made.wrong == ()


def test_sentences_are_those_of_claims_json(full: Report) -> None:
    claims = {c["id"]: c["sentence"] for c in json.loads(full.files["claims.json"])["claims"]}
    said = Reader(page(full)).sentences
    assert len(said) >= 15
    assert [(name, text) for name, text in said if claims[name] != text] == []
    assert {name.rpartition("-")[0] for name, _ in said} >= {
        "method",
        "ratio",
        "k",
        "metric",
        "latent",
        "budget",
    }


def test_every_open_button_has_its_claim_in_the_page(full: Report) -> None:
    text = page(full)
    data = text.partition('<script type="application/json" id="claims">')[2].partition("</script>")[0]
    known = {claim["id"] for claim in json.loads(data)}
    wanted = {attrs["data-open"] for _, attrs in Reader(text).elements if attrs.get("data-open")}
    assert wanted
    assert wanted <= known


def test_nothing_is_fetched(full: Report) -> None:
    elements = Reader(page(full)).elements
    addresses = [
        value
        for tag, attrs in elements
        for name, value in attrs.items()
        if name in ("src", "href", "xlink:href", "action", "data", "srcset", "poster") and value
    ]
    assert addresses
    assert [a for a in addresses if not a.startswith(("#", "data:,"))] == []
    assert {tag for tag, _ in elements} & {"link", "iframe", "img", "object", "embed", "base"} == {"link"}
    assert re.findall(r"@import|url\((?!#)", page(full)) == []
    names = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r"https?://[^\s\"'<>]+", page(full))) <= names


def test_the_policy_allows_our_script_alone(full: Report) -> None:
    import base64
    import hashlib

    text = page(full)
    script = re.search(r"<script>(.*?)</script>", text, re.S)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    policy = next(a["content"] for t, a in Reader(text).elements if t == "meta" and "http-equiv" in a)
    assert policy is not None
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy
    assert not [name for _, attrs in Reader(text).elements for name in attrs if name.startswith("on")]


def test_hostile_names_are_escaped(full: Report, hostile: str) -> None:
    text = page(full)
    assert hostile not in text
    assert html.escape(hostile) in text
    assert text.count("<script") == 2


def test_the_page_is_of_a_size_that_can_be_sent(full: Report) -> None:
    assert len(full.files[PAGE]) < LIMIT


def test_tables_scroll_and_figures_have_labels(full: Report) -> None:
    elements = Reader(page(full)).elements
    assert all("aria-labelledby" in attrs for tag, attrs in elements if tag == "table")
    charts = [attrs for tag, attrs in elements if tag == "svg" and attrs.get("class") == "chart"]
    assert charts
    assert all(attrs.get("aria-label") and attrs.get("viewbox") for attrs in charts)


def test_ids_are_unique(full: Report) -> None:
    ids = [attrs["id"] for _, attrs in Reader(page(full)).elements if attrs.get("id")]
    assert sorted(set(ids)) == sorted(ids)


def test_marks_carry_their_values(full: Report) -> None:
    budget = section(page(full), "budget")
    assert re.search(r"<title>ros, 4 steps: \d+\.\d\d % \[\d+\.\d\d, \d+\.\d\d\], n 4</title>", budget)
    arms = len(re.findall(r'data-toggle="\d+"', budget.partition("</figure>")[0]))
    assert {int(n) for n in re.findall(r'data-series="(\d+)"', budget)} == set(range(arms))


def test_the_same_ledger_gives_the_same_page(bare: Report, bare_lines: Any) -> None:
    assert make(bare_lines, "bare").files == bare.files


def test_repetitions_are_called_heuristic(repeated: Report) -> None:
    text = page(repeated)
    assert "3 repetitions of cross-validation" in text
    assert "of Nadeau and Bengio" in section(text, "protocol")
    assert "not run: replicates are repetitions" in section(text, "check")
    assert repeated.wrong == ()


def test_each_context_has_its_figures_and_the_gain_stands_beside_the_other(two_contexts: Report) -> None:
    text = page(two_contexts)
    assert {"figures/budget.pdf", "figures/budget-2.pdf", "figures/transfer.pdf"} <= set(two_contexts.files)
    assert "d, e, knn: Each arm at its default cell" in section(text, "budget")
    table = list(csv.DictReader(io.StringIO(two_contexts.files["tables/transfer.csv"].decode())))
    assert [(row["label"], row["context"]) for row in table] == [("ros", "d, e, mlp"), ("ros", "d, e, knn")]
    assert two_contexts.wrong == ()


def test_signatures_fire_by_their_rules(full: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(full.files["tables/signatures.csv"].decode())))
    told = {row["signature"]: (row["fired"], row["not_fired"], row["not_testable"]) for row in rows}
    assert told["No synthetic"] == ("smote (6)", "ros (3), vae (2)", "")
    assert told["Unrealistic clusters"] == ("ros (3), smote (6), vae (2)", "", "")
    assert told["Minority plateau"] == ("", "ros (1)", "smote (6), vae (2)")
    assert told["Label crossing"] == ("", "", "ros (3), smote (6), vae (2)")
    fired = list(csv.DictReader(io.StringIO(full.files["tables/signatures-fired.csv"].decode())))
    assert {row["signature"] for row in fired} == {"No synthetic", "Unrealistic clusters"}
    made = [row for row in fired if row["name"] == "achieved / requested"]
    assert {(row["arm"], row["low"], row["high"], row["unit"]) for row in made} == {
        ("smote", "93.75", "100.0", "%")
    }


def test_the_card_of_signatures_says_which_fired(full: Report) -> None:
    claims = json.loads(full.files["claims.json"])["claims"]
    first = next(claim for claim in claims if claim["question"] == "signatures")
    assert first["sentence"] == (
        "At each cell's own budget, 2 of 6 failure signatures fired in a cell or series of ratios: "
        "unrealistic clusters in 11 of 11 that could be tested, no synthetic in 6 of 11 that could be "
        "tested. Not testable anywhere: label crossing."
    )
    assert first["id"] in page(full)
