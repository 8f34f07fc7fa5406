"""Sentences say no more than they may, and every number in them stands in the answer (A26)."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import sweeps.answers
from sweeps.answers import Answer, ask, forbidden_words, unsourced_numbers
from sweeps.answers.lint import FORBIDDEN, NAMED_BUDGET
from sweeps.answers.sentences import NUMBER
from tests.sweeps.planted_cells import Lines, Plant, ledger

VAE = {"latent": 16, "decoder_noise": 0.0, "ratio": 100.0}
BAND = {"variance_ratio": 0.4, "variance_ratio_null_low": 0.9, "variance_ratio_null_high": 1.1}


def plants(turn: float, **context: str) -> list[Plant]:
    """A sweep that has something to say on every question; ``turn`` of -1 plants the opposite truth."""

    def at(arm: str, gain: float, knobs: dict[str, object] | None = None, **more: object) -> Plant:
        return Plant(arm, 68 + turn * gain, knobs or {}, context=context, **more)  # type: ignore[arg-type]

    smote = [
        at(
            "smote",
            2 - abs(k - 5) / 4 - abs(r - 100) / 50,
            {"k": k, "metric": m, "ratio": r},
            gap=10 + r / 20,
        )
        for r in (100.0, 25.0, 50.0, 75.0, 150.0, 200.0)
        for k in (5, 1)
        for m in ("euclidean", "cosine")
    ]
    return [
        at("none", -4, adjusted=68),
        at("logit_adjust", 0),
        at("class_weight", 0),
        at("ros", 0, {"ratio": 100.0}),
        *smote,
        at("vae", -2, VAE, diagnostics=BAND),
        at("vae", -2, {**VAE, "latent": 2}),
        at("vae", 1, {**VAE, "decoder_noise": 1.0}),
        at("vae_gaussian", -2, {"ratio": 100.0}),
        *(at("none", -4, adjusted=68, stage="control", nuisance=n) for n in (1, 2)),
        at("smote", 3, {"k": 4, "metric": "euclidean", "ratio": 90.0}, stage="exploit", test=70.0),
        at("smote", 2, {"k": 4, "metric": "euclidean", "ratio": 90.0}, stage="confirm", test=70.0),
        at("none", -4, stage="confirm"),
    ]


def many(turn: float) -> list[Plant]:
    sizes = [
        Plant(
            arm, 68 + gain, {"ratio": 100.0} if arm == "smote" else {}, context={"imbalance": f"2000:{rows}"}
        )
        for rows, paid in ((20, 6), (200, 0))
        for arm, gain in (("none", 0.0), ("smote", turn * paid))
    ]
    return [*plants(turn), *plants(0.5 * turn, classifier="logistic"), *sizes]


LEDGERS = {
    "truth": lambda: ledger(many(1.0)),
    "opposite": lambda: ledger(many(-1.0)),
    "nothing": lambda: ledger(many(0.0)),
    "noise": lambda: ledger(many(1.0), sd=4),
    "one replicate": lambda: ledger(plants(1.0), replicates=1),
    "two replicates": lambda: ledger(plants(1.0), replicates=2),
}


@cache
def answers(name: str) -> tuple[Answer, ...]:
    lines: Lines = LEDGERS[name]()
    return ask(lines, "all").answers


@pytest.mark.parametrize("name", LEDGERS)
def test_no_sentence_has_a_word_that_nothing_entitles_it_to(name: str) -> None:
    assert answers(name)
    assert [(a.sentence, found) for a in answers(name) if (found := forbidden_words(a))] == []


@pytest.mark.parametrize("name", LEDGERS)
def test_every_number_of_a_sentence_stands_in_its_answer(name: str) -> None:
    assert [(a.sentence, found) for a in answers(name) if (found := unsourced_numbers(a))] == []
    for answer in answers(name):
        json.dumps(answer.to_json(), allow_nan=False)


def test_every_changed_number_is_found() -> None:
    checked = 0
    for answer in answers("truth"):
        for match in NUMBER.finditer(answer.sentence):
            changed = f"{float(match[0]) + 7131.7:.3f}"
            sentence = answer.sentence[: match.start()] + changed + answer.sentence[match.end() :]
            assert changed in unsourced_numbers(replace(answer, sentence=sentence)), sentence
            checked += 1
    assert checked > 3000


def test_a_ledger_answers_every_question_it_can() -> None:
    asked = {a.detail["question"] for a in answers("truth")}
    assert asked >= {
        "noise", "method", "budget", "k", "metric", "ratio", "latent", "vae", "classifier", "imbalance",
        "size", "winner", "signatures", "decoder_noise",
    }  # fmt: skip
    kinds = {a.detail["kind"] for a in answers("truth")}
    assert kinds >= {
        "detectable", "floor", "clones", "summary", "pair", "decomposition", "tunability", "span", "curve",
        "share", "cross", "beyond_balance", "ablation", "moments", "associated", "transfer", "size", "winner",
        "signature",
    }  # fmt: skip


def test_every_sentence_names_its_budget() -> None:
    named = re.compile(r"budget|Between the common|Averaged over", re.IGNORECASE)
    assert [a.sentence for a in answers("truth") if not named.search(a.sentence)] == []


ENTITLED = {  # words of FORBIDDEN in the templates of a file, each behind a condition that lint knows
    "curve.py": {"best"},
    "knob.py": {"best"},
    "ratio.py": {"overfits"},
    "vae.py": {"because"},
}


def prose(path: Path) -> Iterator[str]:
    """The texts of a file that can get into a sentence: literals with a space, but docstrings."""
    tree = ast.parse(path.read_text())
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in documents and " " in str(node.value):
            yield NAMED_BUDGET.sub("", str(node.value))


def test_templates_have_forbidden_words_only_where_a_condition_guards_them() -> None:
    found: dict[str, set[str]] = {}
    folder = Path(sweeps.answers.__file__).parent
    files = sorted(set(folder.glob("*.py")) - {folder / "lint.py"})
    assert len(files) > 15
    for path in files:
        words = {
            match[0].lower()
            for text in prose(path)
            for pattern in FORBIDDEN
            for match in re.finditer(rf"\b(?:{pattern})\b", text, re.IGNORECASE)
        }
        if words:
            found[path.name] = words
    assert found == ENTITLED


@pytest.mark.parametrize(
    ("sentence", "word"),
    [
        ("smote is significantly better.", "significantly"),
        ("This proves it.", "proves"),
        ("ratio 100 is the best.", "best"),
        ("It loses because of the noise.", "because"),
        ("smote overfits.", "overfits"),
    ],
)
def test_forbidden_words_are_found_and_let_pass_with_what_entitles_to_them(sentence: str, word: str) -> None:
    bare = Answer(sentence, None, None, None, 0, "inconclusive", "own_best", "default")
    assert forbidden_words(bare) == (word,)
    full = replace(
        bare,
        sentence=f"{sentence} Not distinguishable: 50, 100 (95 % CI).",
        low=0.1,
        n=10,
        detail={"kind": "ablation", "moved": True, "reading": "overfit"},
    )
    assert forbidden_words(full) == (() if word != "proves" else ("proves",))
