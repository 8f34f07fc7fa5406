"""The built-in corpus: deterministic, clean, and without the names that give the label away."""

from pathlib import Path

import numpy as np
import pytest

from synaug.corpus import Corpus, Part, builtin, load
from synaug.errors import Exit, SynaugError


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load("builtin")


def test_it_has_four_classes_of_very_different_size(corpus: Corpus) -> None:
    assert corpus.classes == ("imbalanced-learn", "optuna", "scikit-learn", "scipy")
    imblearn, optuna, sklearn, scipy = np.bincount(corpus.labels).tolist()
    assert 50 < imblearn < optuna < sklearn < scipy < 5_000
    assert corpus.rows(Part.TRAIN).size == len(corpus.texts)


def test_it_is_clean(corpus: Corpus) -> None:
    assert corpus.warnings == ()
    assert min(map(len, corpus.texts)) >= 20
    assert len({text.casefold() for text in corpus.texts}) == len(corpus.texts)


def test_no_text_names_its_package(corpus: Corpus) -> None:
    telling = [text for text in corpus.texts if builtin.NAMES.search(text)]
    assert telling == []
    assert any("this package" in text for text in corpus.texts)


def test_it_is_the_same_each_time(corpus: Corpus) -> None:
    assert load("builtin").digest == corpus.digest


def test_source_names_the_versions(corpus: Corpus) -> None:
    import scipy

    assert f"scipy {scipy.__version__}" in corpus.source


def test_only_public_objects_outside_tests_count(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text('"""A docstring inside a tests folder."""')
    (tmp_path / "_private.py").write_text(
        '"""Modules with an underscore hold public things.\n\nSecond paragraph."""\n'
        'def shown():\n    """Compute something with\n    sklearn and SciPy."""\n'
        'def _hidden():\n    """A docstring of a private function."""\n'
        'class Shown:\n    """A class that is public indeed."""\n'
        '    def method(self):\n        """A method that is public indeed."""\n'
        '        def inner():\n            """A function inside a function."""\n'
        'def short():\n    """Too short."""\n'
        'def again():\n    """a class that is PUBLIC indeed."""\n'
    )
    assert list(builtin._paragraphs(builtin._sources(tmp_path)).values()) == [
        "Modules with an underscore hold public things.",
        "Compute something with this package and this package.",
        "A class that is public indeed.",
        "A method that is public indeed.",
    ]


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(builtin.PACKAGES, "no-such-package", "no_such_package")
    with pytest.raises(SynaugError, match="not installed: no-such-package") as caught:
        load("builtin")
    assert caught.value.exit == Exit.DATA
