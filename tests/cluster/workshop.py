"""A small sweep whose cells take seconds: time for each host to get some, and to cut one off meanwhile."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from sweeps.ledger import Line

WORDS = {"beetle": ["wing", "shell", "leg", "antenna"], "teapot": ["lid", "spout", "handle", "steam"]}
FILLERS = ["the", "a", "of", "and", "small", "large", "old", "new"]
SPEC: dict[str, Any] = {
    "name": "tiny",
    "imbalance": {"kind": "minority", "minority": ["teapot"], "n_majority": 200, "n_minority": 40},
    "folds": 4,
    "precision": "float32",
    "replicates": 2,
    "classifier": {"hidden": 64, "ladder": [1, 16, 8000]},
    "arms": ["none", "ros", "smote", "borderline_smote"],
    "design": "one_factor",
    "space": {"ratio": [25, 50, 100, 200], "k": [1, 3, 5], "metric": ["euclidean"]},
    "controls": 0,
    "search": {"trials": 0},
}
NUMBERS = ("status", "chosen_steps", "scores", "curve", "folds", "per_class", "confusion", "counts")
Results = dict[tuple[str, int], Line]


def write_workshop(folder: Path, save_bert: Callable[..., None], place: Path) -> None:
    """Write data, encoder and spec.

    Args:
        folder: where they are written.
        save_bert: makes the encoder.
        place: where the sweep finds them.
    """
    folder.mkdir()
    draw, rows = random.Random(7), ["text,label"]
    for number in range(600):
        label = "teapot" if number % 3 == 0 else "beetle"
        words = draw.choices(WORDS[label], k=2) + draw.choices(FILLERS, k=4)
        rows.append(f"{' '.join(words)} {number},{label}")
    (folder / "data.csv").write_text("\n".join(rows))
    words = [*FILLERS, *WORDS["beetle"], *WORDS["teapot"]]
    save_bert(folder / "encoder", words, hidden_size=32, intermediate_size=32)
    encoder = {"model": str(place / "encoder"), "max_length": 16, "dtype": "float32"}
    spec = SPEC | {"data": {"source": str(place / "data.csv")}, "encoder": encoder}
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec))


def first_results(lines: Sequence[Line]) -> Results:
    """The first result of each (cell, replicate)."""
    found: Results = {}
    for line in lines:
        if line["kind"] == "result":
            found.setdefault((line["trial_key"], line["replicate"]), line)
    return found


def added(found: Results) -> Results:
    """Those of the replicates that the sweep was extended by."""
    return {key: line for key, line in found.items() if line["replicate"] > 1}


def hosts_of(found: Results) -> Counter[str]:
    return Counter(line["host"] for line in found.values())


def host_log(ledger: Sequence[Line]) -> str:
    """Which host computed which cell and replicate, when."""
    return "".join(
        f"{line['at']}  {line['host']:5}  {line['trial_key']} replicate {line['replicate']}, "
        f"attempt {line['attempt']}: {line['config']['arm']}\n"
        for line in ledger
        if line["kind"] == "result"
    )
