"""Packs a spec with the local files that it names into a folder that can be sent to a cluster."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from synaug.errors import Exit, Problem, SynaugError

from .spec import Spec, load_spec

MOST_BYTES: Final = 256 << 20  # Ray holds what is sent in the memory of its head, and takes 512 MiB at most
LEFT_OUT: Final = ("runs", ".*", "__pycache__", "*.pyc", "*.bad", "mlruns", "mlartifacts", "node_modules")


@contextmanager
def packed(spec: Spec, upload: bool = True) -> Iterator[Path]:
    """A folder with ``spec.yaml``, and the data and model that lie on this machine; gone at the end.

    Args:
        spec: the sweep.
        upload: False: its paths are those of the cluster, nothing but the spec is packed.

    Raises:
        SynaugError: the data are not there (exit 4), or it is too much to send (exit 6).
    """
    named = _named(spec) if upload else {}
    _refuse_too_much(named)
    with tempfile.TemporaryDirectory(prefix="synaug-job-") as made:
        folder = Path(made)
        changes = []
        for field, path in named.items():
            place = Path(field.partition(".")[0]) / path.name
            _copy(path, folder / place)
            changes.append((field, str(place)))
        sent = load_spec({**_fields(spec)}, changes, name=spec.name)
        (folder / "spec.yaml").write_text(sent.to_yaml())
        yield folder


def _fields(spec: Spec) -> dict[str, object]:
    from .spec_yaml import parse

    value = parse(spec.to_yaml(), "spec").value
    assert isinstance(value, dict), "a spec is a mapping"
    return value


def _named(spec: Spec) -> dict[str, Path]:
    """Fields of the spec that name files of this machine."""
    found = {}
    source, model = spec.data.source, Path(spec.encoder.model).expanduser()
    if source != "builtin" and not source.startswith("hf://"):
        path = Path(source).expanduser()
        if not path.exists():
            fix = "give a path of this machine, or --no-upload where it is one of the cluster"
            raise SynaugError(
                Problem(f"no such file or folder: {path}", str(path.absolute()), fix), Exit.DATA
            )
        found["data.source"] = path.resolve()
    if model.is_dir():
        found["encoder.model"] = model.resolve()
    return found


def _files(path: Path) -> Iterator[Path]:
    """The files that go along, without caches, results and what is hidden."""
    if path.is_file():
        yield path
        return
    leave_out = shutil.ignore_patterns(*LEFT_OUT)
    for folder, inner, names in os.walk(path):
        inner[:] = sorted(set(inner) - leave_out(folder, inner))
        yield from (Path(folder, name) for name in sorted(set(names) - leave_out(folder, names)))


def _refuse_too_much(named: dict[str, Path]) -> None:
    sizes = {file: file.stat().st_size for path in named.values() for file in _files(path)}
    if (total := sum(sizes.values())) > MOST_BYTES:
        largest = max(sizes, key=lambda file: sizes[file])
        text = (
            f"{total / 2**20:.0f} MiB are to be sent, more than {MOST_BYTES >> 20} MiB; "
            f"the largest file has {sizes[largest] / 2**20:.0f}"
        )
        fix = "put the files where every node finds them under the same path, and add --no-upload"
        raise SynaugError(Problem(text, str(largest), fix), Exit.RESOURCES)


def _copy(path: Path, place: Path) -> None:
    for file in _files(path):
        target = place / file.relative_to(path) if path.is_dir() else place
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, target)
        except OSError:  # another file system
            shutil.copy2(file, target)
