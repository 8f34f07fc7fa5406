"""Files for a paper: frames, tables and figures that say what the page says."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sweeps.analysis import folds, records
from sweeps.report import Report, save
from sweeps.report.frames import design, parquet
from sweeps.report.model import Column, Table
from sweeps.report.tables import csv, latex


@pytest.fixture
def table() -> Table:
    frame = pd.DataFrame(
        {
            "arm": ["a_b & 50 %", "<c>"],
            "estimate": [1.23456789012345, None],
            "low": [-0.004, None],
            "high": [2.5, None],
            "n": [10, 9],
        }
    )
    columns = (
        Column("arm", "Arm"),
        Column("estimate", "points", 2, signed=True, ends=("low", "high")),
        Column("n", "n"),
    )
    return Table("t", "A caption with 95 % in it.", frame, columns)


def test_csv_is_the_frame(table: Table) -> None:
    read = pd.read_csv(io.StringIO(csv(table)))
    pd.testing.assert_frame_equal(read, table.frame, check_exact=True)


def test_latex_has_rounded_values_rules_and_escapes(table: Table) -> None:
    text = latex(table)
    assert r"a\_b \& 50 \% & +1.23 [+0.00, +2.50] & 10 \\" in text
    assert r"<c> & -- & 9 \\" in text
    assert r"\caption{A caption with 95 \% in it.}" in text
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]


def test_tables_of_a_report_read_back(full: Report) -> None:
    arms = pd.read_csv(io.BytesIO(full.files["tables/arms.csv"]))
    tex = full.files["tables/arms.tex"].decode()
    for row in arms.to_dict("records"):
        if not re.search(r"[\\${}<^]", str(row["arm"])):
            assert f"{row['arm'].replace('_', chr(92) + '_')} & {row['mean']:.1f} [" in tex


def test_differences_are_those_of_the_claims(full: Report) -> None:
    import json

    claims = {c["id"]: c for c in json.loads(full.files["claims.json"])["claims"]}
    frame = pd.read_csv(io.BytesIO(full.files["tables/differences.csv"]))
    assert len(frame) > 10
    for row in frame.to_dict("records"):
        claim = claims[row["claim"]]
        assert row["estimate"] == claim["estimate"]
        assert row["verdict"] == claim["verdict"]


def test_every_figure_is_there_as_pdf_and_png(full: Report) -> None:
    names = {name for name in full.files if name.startswith("figures/")}
    stems = {name.rpartition(".")[0] for name in names}
    assert names == {f"{stem}.{kind}" for stem in stems for kind in ("pdf", "png")}
    assert {
        "figures/budget",
        "figures/methods",
        "figures/ratio",
        "figures/k-metric-smote",
        "figures/clones",
    } <= stems
    starts = {"pdf": b"%PDF", "png": b"\x89PNG"}
    assert all(full.files[name].startswith(starts[name[-3:]]) for name in names)


def test_frames_hold_the_records(full: Report, full_lines: Any) -> None:
    read = {
        n: pd.read_parquet(io.BytesIO(full.files[f"{n}.parquet"])) for n in ("design", "records", "folds")
    }
    expected = records(full_lines)
    assert read["records"]["score"].tolist() == expected["score"].tolist()
    assert read["records"]["diagnostics.variance_ratio"].notna().sum() == expected["ratio"].notna().sum()
    assert len(read["folds"]) == len(folds(full_lines)) == len(expected)
    cells = read["design"].set_index("trial_key")
    assert cells.loc["adasyn", "status"] == "not_applicable"
    assert cells.loc["adasyn", "results"] == 0
    assert cells["results"].sum() == len(expected)


def test_words_and_numbers_in_one_column_are_written_as_text() -> None:
    frame = pd.DataFrame({"steps": ["folds", 64, None], "k": [1, None, 5.0]}, dtype=object)
    read = pd.read_parquet(io.BytesIO(parquet(frame)))
    assert read["steps"].tolist()[:2] == ["folds", "64"]
    assert read["steps"].isna().tolist() == [False, False, True]
    assert read["k"].dtype == "float64"


def test_design_of_nothing_is_empty() -> None:
    assert len(design([])) == 0


def test_writing_replaces_its_own_files_alone(bare: Report, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    save(bare, folder)
    (folder / "notes.txt").write_text("mine")
    (folder / "claims.json").write_text("old")
    save(bare, folder)
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == {**bare.files, "notes.txt": b"mine"}
    assert not [path for path in folder.rglob("*") if path.stat().st_mode & 0o022]


def test_a_folder_that_cannot_be_written_leaves_the_old_files(bare: Report, tmp_path: Path) -> None:
    (tmp_path / "figures").write_text("a file in the way")
    with pytest.raises(OSError, match="figures"):
        save(bare, tmp_path)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".report-")] == []
