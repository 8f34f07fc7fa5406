"""Finding the files of a data set on disk and refusing what must not be read."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import Exit, Problem, SynaugError, did_you_mean
from .base import DataOptions, Part, Table
from .formats import READERS

PART_NAMES = {"train": Part.TRAIN, "dev": Part.DEV, "validation": Part.DEV, "test": Part.TEST}
PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".npy", ".npz")


def read(path: Path, options: DataOptions) -> list[Table]:
    """Read a file, or the files ``train``, ``dev`` and ``test`` of a folder.

    Raises:
        SynaugError: exit 4 with what is wrong in all files; exit 9 for a link that leads out of the
            data folder and for files that run code when they are read.
    """
    path = path.expanduser()
    if not path.exists():
        raise SynaugError(_not_found(path), Exit.DATA)
    files = _of_folder(path) if path.is_dir() else [(Part.TRAIN, path)]
    _refuse_unsafe([file for _, file in files])
    tables: list[Table] = []
    problems: list[Problem] = []
    for part, file in files:
        try:
            tables.append(_read_file(file, part, options))
        except SynaugError as error:
            problems.extend(error.problems)
    if problems:
        raise SynaugError(problems, Exit.DATA)
    return tables


def _not_found(path: Path) -> Problem:
    """Say what is missing, and the closest name where the path leaves what exists."""
    absolute = Path(os.path.abspath(path))
    missing, folder = absolute, absolute.parent
    while not folder.is_dir() and folder != folder.parent:
        missing, folder = folder, folder.parent
    names = sorted(entry.name for entry in folder.iterdir()) if os.access(folder, os.R_OK) else []
    hint = did_you_mean(missing.name, names)
    if not hint and len(path.parts) == 1:
        hint = did_you_mean(path.name, ["builtin"])
    return Problem(
        f"no such file or folder: {path}{hint}",
        str(absolute),
        "give a csv, tsv, parquet or jsonl file, a folder with train.*, 'builtin', or hf://NAME",
        "D01",
    )


def _of_folder(folder: Path) -> list[tuple[Part, Path]]:
    """Find one file for each part of a folder; train must be there."""
    files: dict[Part, list[Path]] = {part: [] for part in Part}
    for file in sorted(folder.iterdir()):
        if file.stem in PART_NAMES and file.suffix.lower() in (*READERS, *PICKLES):
            files[PART_NAMES[file.stem]].append(file)
    formats = ", ".join(READERS)
    problems = [
        Problem(
            f"several files for {part.name.lower()}: {', '.join(f.name for f in found)}",
            str(folder),
            "keep one",
            "D57",
        )
        for part, found in files.items()
        if len(found) > 1
    ]
    if not files[Part.TRAIN]:
        there = ", ".join(sorted(entry.name for entry in folder.iterdir())[:10]) or "nothing"
        problems.append(
            Problem(
                f"no training file, found {there}", str(folder), f"name it train with one of {formats}", "D57"
            )
        )
    if problems:
        raise SynaugError(problems, Exit.DATA)
    return [(part, found[0]) for part, found in files.items() if found]


def _refuse_unsafe(files: list[Path]) -> None:
    problems = []
    for file in files:
        target = file.resolve()
        if not target.is_relative_to(file.parent.resolve()):
            problems.append(
                Problem(
                    "a link leads out of the data folder", str(file), f"give the real path: {target}", "D44"
                )
            )
        if target.suffix.lower() in PICKLES:
            problems.append(
                Problem(
                    f"{target.suffix} files can run code when they are read",
                    str(file),
                    "save the data as csv, tsv, parquet or jsonl",
                    "D42",
                )
            )
    if problems:
        raise SynaugError(problems, Exit.INTEGRITY)


def _refused(message: str, file: Path, fix: str, code: str) -> SynaugError:
    return SynaugError(Problem(message, str(file), fix, code), Exit.DATA)


def _read_file(file: Path, part: Part, options: DataOptions) -> Table:
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        known = list(READERS)
        hint = did_you_mean(file.suffix, known)
        raise _refused(f"unknown format {file.suffix!r}{hint}", file, f"use one of {', '.join(known)}", "D57")
    try:
        if not file.is_file():
            raise _refused("not a regular file", file, "give a file with rows", "D57")
        data = file.read_bytes()
    except OSError as error:
        fix = "give this user the right to read it, or copy it"
        raise _refused(f"cannot be read: {error.strerror}", file, fix, "D57") from error
    if not data:
        raise _refused(f"the {file.suffix[1:]} file is empty", file, "give a file with rows", "D18")
    return Table(part, str(file), *reader(data, str(file), options))
