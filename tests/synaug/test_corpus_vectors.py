"""Embeddings that come with the data: every format gives the same rows, every broken row its number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synaug.corpus import Corpus, DataOptions, load
from synaug.errors import Exit, SynaugError
from synaug.own_vectors import open_vectors

X = np.random.default_rng(5).normal(size=(12, 3)).astype(np.float32)
LABELS = ["rare", "large", "large"] * 4
COLUMN = DataOptions(vector_col="v")


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"v": list(X), "label": LABELS})


def refused(source: Any, options: DataOptions = COLUMN) -> SynaugError:
    with pytest.raises(SynaugError) as caught:
        load(source, options)
    return caught.value


def parquet(path: Path, cells: Any) -> Path:
    pq.write_table(pa.table({"v": cells, "label": LABELS[: len(cells)]}), path)
    return path


def test_every_format_gives_the_same_vectors_and_digests(tmp_path: Path, frame: pd.DataFrame) -> None:
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True, double_precision=15)
    frame.to_parquet(tmp_path / "b.parquet", row_group_size=5)
    parquet(tmp_path / "c.parquet", pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), 3))
    frame.drop(columns="v").to_csv(tmp_path / "d.csv", index=False)
    np.save(tmp_path / "d.npy", X.astype(np.float64))
    corpora = [load(tmp_path / name, COLUMN) for name in ("a.jsonl", "b.parquet", "c.parquet")]
    corpora += [load(frame, COLUMN), load(tmp_path / "d.csv", DataOptions(vector_file="d.npy"))]
    for corpus in corpora:
        assert corpus.vectors is not None
        np.testing.assert_array_equal(corpus.vectors, X)
        assert not corpus.has_texts
        assert [corpus.classes[code] for code in corpus.labels] == LABELS
        with pytest.raises(ValueError, match="read-only"):
            corpus.vectors[0] = 0
    assert len({corpus.digest for corpus in corpora}) == 1
    assert len({open_vectors(corpus).digest for corpus in corpora}) == 1


def test_one_number_changes_both_digests(frame: pd.DataFrame) -> None:
    changed = X.copy()
    changed[7, 1] = np.nextafter(changed[7, 1], np.float32(9))
    one, other = load(frame, COLUMN), load(frame.assign(v=list(changed)), COLUMN)
    assert one.digest != other.digest
    assert open_vectors(one).digest != open_vectors(other).digest
    assert open_vectors(one).digest != open_vectors(one, normalize=True).digest


def test_texts_stay_what_rows_are_known_by(frame: pd.DataFrame) -> None:
    texts = [f"text {number}" for number in range(12)]
    with_both = load(frame.assign(text=texts), COLUMN)
    alone = load(frame.drop(columns="v").assign(text=texts))
    assert with_both.has_texts
    assert with_both.texts == tuple(texts)
    assert with_both.digest == alone.digest  # so that both sweeps have the same draws
    assert alone.vectors is None
    with pytest.raises(SynaugError, match="the data hold no vectors"):
        open_vectors(alone)


def test_rows_that_are_dropped_take_their_vectors_along(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    test, train = X[:4], np.concatenate([X[2:3], X[4:], X[4:5]])  # of test; and one row twice
    labels = [LABELS[2], *LABELS[4:], LABELS[4]]
    pd.DataFrame({"v": list(test), "label": LABELS[:4]}).to_parquet(tmp_path / "d" / "test.parquet")
    pd.DataFrame({"v": list(train), "label": labels}).to_parquet(tmp_path / "d" / "train.parquet")
    corpus = load(tmp_path / "d", COLUMN)
    assert corpus.vectors is not None
    np.testing.assert_array_equal(corpus.vectors, np.concatenate([X[4:], X[:4]]))
    assert [text.split(" ", 1)[0] for text in corpus.warnings] == ["1", "1"]
    np.save(tmp_path / "d" / "all.npy", np.concatenate([train, test]))
    by_file = load(tmp_path / "d", DataOptions(vector_file="all.npy"))
    assert by_file.digest == corpus.digest


@pytest.mark.parametrize(
    ("spoil", "message", "rows"),
    [
        (lambda v: v.__setitem__(3, None), "missing vectors: 1", "row 4"),
        (
            lambda v: v.__setitem__(3, [1.0, 2.0]),
            "another length than row 1's 3 numbers, the first of 2",
            "row 4",
        ),
        (lambda v: v[2].__setitem__(1, float("nan")), "not finite (as float32): 1", "row 3"),
        (lambda v: v[11].__setitem__(0, 1e39), "not finite (as float32): 1", "row 12"),
    ],
)
@pytest.mark.parametrize("kind", ["frame", "parquet"])
def test_broken_rows_are_named(
    tmp_path: Path, kind: str, spoil: Callable[[list[Any]], None], message: str, rows: str
) -> None:
    cells: list[Any] = [[float(x) for x in row] for row in X]
    spoil(cells)
    source: Any = pd.DataFrame({"v": pd.Series(cells, dtype=object), "label": LABELS})
    if kind == "parquet":
        source = parquet(tmp_path / "a.parquet", pa.array(cells, pa.list_(pa.float64())))
    error = refused(source)
    assert error.exit is Exit.DATA
    (problem,) = error.problems
    assert message in problem.message
    assert str(problem.where).endswith(f"column 'v', {rows}")


def test_cells_that_are_no_lists_of_numbers(tmp_path: Path, frame: pd.DataFrame) -> None:
    cells: list[Any] = [list(map(float, row)) for row in X]
    cells[1], cells[4], cells[5] = "0.1, 0.2", ["0.1", "0.2", "0.3"], [[1.0], [2.0]]
    error = refused(frame.assign(v=cells))
    assert error.problems[0].message == "3 cells are no list of numbers"
    assert str(error.problems[0].where).endswith("rows 2, 5, 6")
    assert "expected lists of numbers, got string" in str(
        refused(parquet(tmp_path / "s.parquet", ["x"] * 12))
    )
    words = parquet(tmp_path / "w.parquet", pa.array([["a"]] * 12))
    assert "expected lists of numbers, got list<" in str(refused(words))
    frame.to_csv(tmp_path / "c.csv", index=False)
    assert "csv files hold no lists of numbers" in str(refused(tmp_path / "c.csv"))
    assert "set data.vector_col to one of the columns: v, label" in str(
        refused(frame, DataOptions(vector_col="w"))
    )
    named = DataOptions(vector_col="v", text_col="sentence")
    assert "no column 'sentence'" in str(refused(frame, named))


def test_files_of_vectors_that_do_not_fit(tmp_path: Path, frame: pd.DataFrame) -> None:
    frame.drop(columns="v").to_csv(tmp_path / "d.csv", index=False)

    def said(name: str) -> SynaugError:
        return refused(tmp_path / "d.csv", DataOptions(vector_file=name))

    np.save(tmp_path / "short.npy", X[:11])
    assert "11 rows, but the data have 12 (12 of train)" in str(said("short.npy"))
    np.save(tmp_path / "flat.npy", X.ravel())
    assert "expected rows of numbers (n, d), got float32 of shape (36,)" in str(said("flat.npy"))
    np.save(tmp_path / "hole.npy", np.where(X[6, 0] == X, np.inf, X))
    assert str(said("hole.npy").problems[0].where).endswith("hole.npy, row 7")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    error = said("objects.npy")
    assert error.exit is Exit.INTEGRITY
    assert "can run code" in str(error)
    (tmp_path / "no.npy").write_text("1,2")
    assert said("no.npy").exit in (Exit.DATA, Exit.INTEGRITY)
    assert "no such file" in str(said("absent.npy"))
    assert said("../away.npy").exit is Exit.INTEGRITY
    with pytest.raises(SynaugError, match="where the data are not files"):
        load(frame, DataOptions(vector_file="d.npy"))


def test_files_that_differ_in_what_they_hold(tmp_path: Path, frame: pd.DataFrame) -> None:
    (tmp_path / "d").mkdir()
    frame.iloc[:8].assign(text="a").to_parquet(tmp_path / "d" / "train.parquet")
    frame.iloc[8:].to_parquet(tmp_path / "d" / "test.parquet")
    assert "no column 'text', which other files have" in str(refused(tmp_path / "d"))
    frame.iloc[:8].to_parquet(tmp_path / "d" / "train.parquet")
    frame.iloc[8:].assign(v=list(X[8:, :2])).to_parquet(tmp_path / "d" / "test.parquet")
    assert "vectors of 2 numbers, those of" in str(refused(tmp_path / "d"))


def test_scaling_to_length_one(frame: pd.DataFrame) -> None:
    unit = open_vectors(load(frame, COLUMN), normalize=True)
    np.testing.assert_allclose(np.linalg.norm(unit.X, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(unit.take([3, 1]), unit.X[[3, 1]])
    assert unit.dimensions == 3
    zero = X.copy()
    zero[2] = 0
    corpus: Corpus = load(frame.assign(v=list(zero)), COLUMN)
    with pytest.raises(SynaugError, match="1 vectors of length zero"):
        open_vectors(corpus, normalize=True)
