"""Short made-up sentences of two classes, where the speed of the encoder is not the question."""

from __future__ import annotations

import csv
from itertools import product
from pathlib import Path

CLASSES = ("beetle", "teapot")
WORDS = {"beetle": ("wing", "shell", "leg", "antenna"), "teapot": ("lid", "spout", "handle", "steam")}
ADJECTIVES = ("small", "large", "old", "new", "black")
VERBS = ("falls", "shines", "moves", "breaks", "warms", "opens")


def write_sentences(path: Path) -> Path:
    """Write 120 different sentences of each class as CSV; return the path."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for label, words in WORDS.items():
            for word, adjective, verb in product(words, ADJECTIVES, VERBS):
                rows.writerow([f"the {adjective} {word} of the {label} {verb}", label])
    return path
