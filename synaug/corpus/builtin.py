"""The built-in corpus: sentences from the documentation of packages that are installed anyway.

A text is the first paragraph of the docstring of a public module, class, method or function; its
label is the distribution that it comes from. The sources are parsed, never imported. The names of
the packages would give the label away and are replaced by "this package". Paragraphs that occur in
more than one package are left out, repeats inside a package are kept once. All rows are training
rows. Other versions of the packages give other texts, so the versions are part of the description.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import Exit, Problem, SynaugError
from ..facts import remembered
from .base import Part, Table

PACKAGES = {  # distribution: import name
    "scipy": "scipy",
    "scikit-learn": "sklearn",
    "optuna": "optuna",
    "imbalanced-learn": "imblearn",
}
SKIPPED = {"tests", "externals", "_external", "_lib"}  # tests, and code copied from other projects
SHORTEST = 20  # characters
NAMES = re.compile(
    r"(?<![a-z])(?:scipy|scikit[-_ ]learn|sklearn|optuna|imbalanced[-_ ]learn|imblearn)(?![a-z])",
    re.IGNORECASE,
)
_RULES = 1  # raised when the code below takes other texts from the same files


def describe() -> str:
    """Name the packages and versions that the built-in corpus is made of here."""
    _require_packages()
    versions = [f"{package} {importlib.metadata.version(package)}" for package in PACKAGES]
    return f"builtin: docstrings of {', '.join(versions)}"


def read() -> Table:
    """Read the built-in corpus: packages in fixed order, files by path, texts as they stand in a file.

    Raises:
        SynaugError: exit 4, naming the packages that are not installed.
    """
    _require_packages()
    sources = {package: _sources(_folder(module)) for package, module in PACKAGES.items()}
    digests = {package: [_digest(path) for path in paths] for package, paths in sources.items()}
    found = remembered(
        "builtin",
        [_RULES, sys.version_info[:2], digests],
        lambda: {package: _paragraphs(paths) for package, paths in sources.items()},
        lambda kept: isinstance(kept, dict) and list(kept) == list(PACKAGES),
    )
    packages_with = Counter(key for texts in found.values() for key in texts)
    rows = [
        (text, package)
        for package, texts in found.items()
        for key, text in texts.items()
        if packages_with[key] == 1
    ]
    return Table(Part.TRAIN, "builtin", [text for text, _ in rows], [package for _, package in rows])


def _require_packages() -> None:
    missing = [package for package, module in PACKAGES.items() if importlib.util.find_spec(module) is None]
    if missing:
        names = ", ".join(missing)
        fix = f"pip install {' '.join(missing)}, or give your own data"
        raise SynaugError(Problem(f"not installed: {names}", "built-in corpus", fix, "D57"), Exit.DATA)


def _folder(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


def _sources(folder: Path) -> list[Path]:
    """The files of a package that texts are taken from, in order."""
    parts = {path: path.relative_to(folder).parts for path in folder.rglob("*.py")}
    return sorted((path for path in parts if SKIPPED.isdisjoint(parts[path])), key=parts.__getitem__)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _paragraphs(sources: Sequence[Path]) -> dict[str, str]:
    """Collect the texts of a package under their keys (small letters), in order."""
    texts: dict[str, str] = {}
    for path in sources:
        for docstring in _docstrings(path):
            text = _first_paragraph(docstring)
            if len(text) >= SHORTEST:
                texts.setdefault(text.casefold(), text)
    return texts


def _docstrings(path: Path) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in other people's files
        tree = ast.parse(path.read_bytes())
    waiting: list[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef] = [tree]
    while waiting:
        node = waiting.pop()
        docstring = ast.get_docstring(node)
        if docstring:
            yield docstring
        if isinstance(node, ast.Module | ast.ClassDef):
            waiting.extend(
                child
                for child in reversed(node.body)
                if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
                and not child.name.startswith("_")
            )


def _first_paragraph(docstring: str) -> str:
    paragraph = re.split(r"\n\s*\n", docstring.strip(), maxsplit=1)[0]
    return " ".join(NAMES.sub("this package", paragraph).split())
