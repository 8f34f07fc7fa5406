"""What the checks refuse, all at once, and what they let pass with a warning."""

from collections.abc import Sequence
from typing import Any

import pytest

from synaug.corpus import Corpus, DataOptions, Part
from synaug.corpus.base import Table, slug
from synaug.corpus.checks import check
from synaug.errors import Exit, SynaugError

Cells = Sequence[tuple[str | None, str | None]]
PLAIN: Cells = [("one", "a"), ("two", "b"), ("three", "a"), ("four", "b")]


def table(part: Part, cells: Cells) -> Table:
    return Table(part, f"{part.name.lower()}.csv", [text for text, _ in cells], [label for _, label in cells])


def checked(train: Cells, dev: Cells = (), test: Cells = (), **options: Any) -> Corpus:
    tables = [table(part, list(cells)) for part, cells in zip(Part, (train, dev, test), strict=True) if cells]
    return check("name", "source", tables, DataOptions(**options))


def refused(train: Cells, dev: Cells = (), test: Cells = (), **options: Any) -> SynaugError:
    with pytest.raises(SynaugError) as caught:
        checked(train, dev, test, **options)
    assert caught.value.exit == Exit.DATA
    return caught.value


def test_a_clean_corpus_has_no_warnings() -> None:
    corpus = checked(PLAIN, test=[("five", "a"), ("six", "b")])
    assert corpus.warnings == ()
    assert corpus.classes == ("a", "b")
    assert corpus.labels.tolist() == [0, 1, 0, 1, 0, 1]


def test_faults_of_rows_name_the_first_five_and_the_count() -> None:
    error = refused([*PLAIN, *[(None, "a")] * 7, ("  \n", "b"), ("eight", None), ("nine", " ")])
    found = {problem.message: problem.where for problem in error.problems}
    assert found == {
        "missing texts: 7": "train.csv, column 'text', rows 5, 6, 7, 8, 9 and 2 more",
        "empty or blank texts: 1": "train.csv, column 'text', row 12",
        "missing labels: 2": "train.csv, column 'label', rows 13, 14",
    }
    assert all(problem.fix for problem in error.problems)


def test_missing_rows_are_dropped_on_request() -> None:
    corpus = checked([*PLAIN, (None, "a"), ("", "b"), ("eight", None)], drop_missing=True)
    assert corpus.texts == ("one", "two", "three", "four")
    assert len(corpus.warnings) == 3
    assert "train.csv: missing texts: 1 rows dropped [D06]" in corpus.warnings


def test_blank_texts_are_kept_on_request() -> None:
    assert checked([*PLAIN, ("", "a")], allow_empty=True).texts[-1] == ""


def test_huge_texts_are_refused_with_row_and_size() -> None:
    assert checked([*PLAIN, ("x" * 100_000, "a")]).texts[-1].startswith("x")
    error = refused([*PLAIN, ("é" * 100_000, "a"), ("x" * 100_001, "b")])
    assert error.problems[0].message == "texts longer than 100 kB: 2, the longest of 200 kB"
    assert "rows 5, 6" in str(error.problems[0].where)


def test_broken_unicode_is_refused() -> None:
    assert "not valid Unicode" in str(refused([*PLAIN, ("half \ud83d", "a")]))


def test_one_class() -> None:
    assert "one class only: 'a' with 2 rows" in str(refused([("one", "a"), ("two", "a")]))


def test_small_classes_count_after_repeats_are_dropped() -> None:
    train = [*PLAIN, ("five", "c"), ("Five ", "c")]
    assert "class 'c' has 1 training row, expected at least 2" in str(refused(train))
    assert checked(train, min_class_count=1).classes == ("a", "b", "c")
    assert "class 'a' has 2 training rows, expected at least 3" in str(refused(PLAIN, min_class_count=3))


def test_unknown_class_names_the_closest() -> None:
    error = refused([*PLAIN, ("five", "spam"), ("six", "spam")], classes=("a", "spam", "spma"))
    assert "class 'spma' is not in the data (did you mean 'spam'?)" in str(error)


def test_kept_classes_hide_the_faults_of_others() -> None:
    corpus = checked([("", "c"), *PLAIN], classes=("a", "b"))
    assert corpus.classes == ("a", "b")


def test_class_in_test_that_train_lacks() -> None:
    assert "class 'c' is in test but not in train" in str(refused(PLAIN, test=[("five", "c")]))
    assert "class 'c' is in dev but not in train" in str(refused(PLAIN, dev=[("five", "c")]))


def test_labels_that_look_like_one_number() -> None:
    train = [(f"text {i}", label) for i, label in enumerate(["1", "1.0", "01", "2", "1", "1.0", "01", "2"])]
    assert "labels '01', '1', '1.0' look like one number" in str(refused(train))


def test_labels_that_differ_in_case_are_warned_of() -> None:
    train = [(f"text {i}", label) for i, label in enumerate(["Spam", "spam", "ham"] * 2)]
    assert checked(train).warnings == ("labels 'Spam', 'spam' differ in case or white space only [D11]",)


def test_leaks_are_dropped_from_the_earlier_part() -> None:
    corpus = checked(
        [*PLAIN, ("Five", "a"), ("six", "b")],
        dev=[("six  ", "b"), ("seven", "a")],
        test=[("five", "a"), ("seven", "b")],
    )
    assert corpus.texts == ("one", "two", "three", "four", "six  ", "five", "seven")
    assert corpus.warnings == (
        "1 texts of train are also in dev: dropped from train (row 6) [D15]",
        "1 texts of train are also in test: dropped from train (row 5) [D15]",
        "1 texts of dev are also in test: dropped from dev (row 2) [D15]",
    )


def test_repeats_are_dropped_from_train_only() -> None:
    corpus = checked([*PLAIN, ("ONE", "a"), ("two ", "b")], test=[("five", "a"), ("five", "a")])
    assert corpus.texts == ("one", "two", "three", "four", "five", "five")
    assert corpus.warnings == ("2 repeated rows of train dropped (rows 5, 6) [D15]",)


def test_conflicting_labels_are_counted_and_kept() -> None:
    train = [*PLAIN, *[(text, label) for text in ("p", "q", "r", "s") for label in "ab"]]
    corpus = checked(train)
    assert len(corpus.texts) == 12
    assert corpus.warnings == ("4 texts of train have more than one label (rows 5, 7, 9 and 1 more) [D16]",)


def test_a_part_without_labels_is_left_out() -> None:
    corpus = checked(PLAIN, test=[("five", None), ("six", None)])
    assert corpus.rows(Part.TEST).size == 0
    assert corpus.warnings == ("test.csv: no row has a label: left out [D12]",)


def test_all_problems_come_at_once_and_quote_no_text() -> None:
    secret = "a secret sentence"
    train = [(secret, "a"), (secret, "a"), (None, "a"), ("", "1"), ("x", "1"), ("y", "01"), ("z", None)]
    error = refused(train, test=[(secret, "b")])
    assert len(error.problems) >= 6
    assert secret not in str(error)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("SST 2", "sst-2"),
        ("../x", "x"),
        ("a..b", "a.b"),
        ("é", "data"),
        ("x" * 80, "x" * 63),
        ("own/er", "own-er"),
    ],
)
def test_slug(text: str, name: str) -> None:
    assert slug(text) == name
