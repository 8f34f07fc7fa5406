"""Frames with one type a column come back from Parquet as they were."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sweeps.analysis.columns import columnar
from sweeps.api import load_sweep

COLUMNS = {
    "whole": ([5, None, 15], "Int64", [5, pd.NA, 15]),
    "mixed": ([50, 12.5, None], "float64", [50.0, 12.5, float("nan")]),
    "truth": ([True, None, False], "boolean", [True, pd.NA, False]),
    "words": (["a", None, "b"], "str", ["a", None, "b"]),
    "steps": (["folds", 45, None], "str", ["folds", "45", None]),
    "truth_and_whole": ([True, 1, None], "str", ["True", "1", None]),
    "empty": ([None, None, None], "str", [None, None, None]),
}


def through_parquet(frame: pd.DataFrame) -> pd.DataFrame:
    stream = io.BytesIO()
    frame.to_parquet(stream)
    return pd.read_parquet(stream)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_has_one_type_and_missing_stays_missing(name: str) -> None:
    values, dtype, expected = COLUMNS[name]
    found = columnar(pd.DataFrame({name: pd.Series(values, dtype=object)}))
    assert found[name].dtype == dtype
    pd.testing.assert_series_equal(found[name], pd.Series(expected, dtype=dtype, name=name))
    pd.testing.assert_frame_equal(through_parquet(found), found)


def test_typed_columns_are_left_alone() -> None:
    frame = pd.DataFrame({"replicate": [0, 1], "score": [0.5, None]})
    pd.testing.assert_frame_equal(columnar(frame), frame)


def test_records_of_a_ledger_with_arms_of_all_kinds_survive(tmp_path: Path) -> None:
    def line(key: str, **config: Any) -> str:
        scores = {"dev_balanced_accuracy": 0.5}
        body = {"kind": "result", "trial_key": key, "replicate": 0, "config": config, "scores": scores}
        return pd.Series([body]).to_json(orient="records", lines=True)

    path = tmp_path / "mine.jsonl"
    path.write_text(
        line("a", arm="none", steps="folds")
        + line("b", arm="smote", steps=45, k=5, metric="cosine", ratio=100)
        + line("c", arm="vae", steps="folds", ratio=12.5, **{"mlp.learning_rate": 0.01})
    )
    records = load_sweep(path).records()
    assert list(records["steps"]) == ["folds", "45", "folds"]
    assert records.loc[1, "k"] == 5
    assert records["k"].isna().tolist() == [True, False, True]
    assert records["ratio"].dropna().tolist() == [100.0, 12.5]
    pd.testing.assert_frame_equal(through_parquet(records), records)
