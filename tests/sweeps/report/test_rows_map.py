"""The figure of real and synthetic rows, from the sketches that a sweep keeps."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeps.report import Report, make
from sweeps.report.sections.rows_map import REAL, _few, caption
from sweeps.report.sketches import MOST, Sketch, parse, read_sketches

RARE, USUAL = 0, 1


def drawn(trust: float | None = 0.8, explained: float = 0.25) -> dict[str, Any]:
    """A sketch as a worker makes it: 6 rare rows, 300 usual ones, 90 between rare ones."""
    random = np.random.default_rng(3)
    rare, usual = random.normal(2, 1, (6, 2)), random.normal(0, 1, (300, 2))
    share = random.random((90, 1))
    made = rare[random.integers(0, 6, 90)] * share + rare[random.integers(0, 6, 90)] * (1 - share)
    return {
        "real": [[*map(float, xy), c] for rows, c in ((rare, RARE), (usual, USUAL)) for xy in rows],
        "synthetic": [[*map(float, xy), RARE] for xy in made],
        "lines": [[i, *map(float, rare[0])] for i in range(30)],
        "explained": explained,
        "trustworthiness": trust,
        "parents": [],
    }


@pytest.fixture(scope="module")
def mapped(full_lines: Any) -> Report:
    """The report of the full ledger, with sketches of two arms' default cells and of another cell."""
    keys = (
        "ros/design/ratio=100.0",
        "smote/design/ratio=100.0/k=5/metric=euclidean",
        "vae/design/ratio=50.0",
    )
    assert {line["trial_key"] for line in full_lines if "trial_key" in line} >= set(keys[:2])
    given = {key: parse(drawn(trust)) for key, trust in zip(keys, (0.8, 0.9, 0.1), strict=True)}
    return make(full_lines, "made", sketches=given)


def test_the_default_cells_that_have_a_sketch_are_drawn(mapped: Report, hostile: str) -> None:
    page = mapped.files["report.html"].decode()
    [figure] = re.findall(
        r"<figure[^>]*>(?:(?!</figure>).)*Where synthetic rows.*?</figure>", page, re.DOTALL
    )
    titles = re.findall(r">(ros|smote|vae)</text>", figure)
    assert set(titles) == {"ros", "smote"}
    assert "share of their variance 0.25, trustworthiness 0.80 to 0.90 of 1" in figure
    assert hostile not in page
    assert {"figures/rows.pdf", "figures/rows.png"} <= mapped.files.keys()


def test_every_row_is_a_mark_of_its_class(mapped: Report) -> None:
    page = mapped.files["report.html"].decode()
    [svg, *_] = re.findall(r'<svg[^>]*aria-label="[^"]*Where synthetic rows.*?</svg>', page, re.DOTALL)
    groups = re.findall(r'<g data-series="(\d)"[^>]*>(.*?)</g>\s*</g>', svg, re.DOTALL)
    marks = {series: sum(body.count("<use") for s, body in groups if s == series) for series in ("0", "1")}
    assert marks == {"0": 2 * (6 + 80), "1": 2 * (REAL - 6)}


def test_without_sketches_there_is_no_figure(full: Report) -> None:
    assert b"Where synthetic rows" not in full.files["report.html"]
    assert "figures/rows.pdf" not in full.files


def test_of_a_large_class_rows_are_left_out_and_of_a_small_one_none() -> None:
    shown = _few(parse(drawn()).real, 20)
    assert (shown[:, 2] == RARE).sum() == 6
    assert len(shown) == 20


def test_a_plane_that_was_not_rated_says_no_rating() -> None:
    assert "trustworthiness" not in caption([parse(drawn(None))])


@pytest.mark.parametrize(
    "content",
    [
        "no JSON",
        json.dumps([1, 2]),
        json.dumps(drawn() | {"real": [[1, 2]]}),
        json.dumps(drawn() | {"real": [[1, float("nan"), 0]]}),
        json.dumps(drawn() | {"lines": [[90, 0, 0]]}),
        json.dumps(drawn() | {"explained": None}),
        " " * (MOST + 1),
    ],
)
def test_a_file_that_holds_no_sketch_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "good.json").write_text(json.dumps(drawn()))
    (tmp_path / "bad.json").write_text(content)
    found, spoilt = read_sketches([tmp_path, tmp_path / "none"])
    assert list(found) == ["good"]
    assert isinstance(found["good"], Sketch)
    assert spoilt == [str(tmp_path / "bad.json")]
