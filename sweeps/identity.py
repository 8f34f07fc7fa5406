"""What code a process runs: Python, Ray, this project and the packages that its numbers come from."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

PROJECT, PARTS = "synaug", ("sweeps", "synaug", "tracking")
_OF_A_GPU = re.compile(r"nvidia-|cuda-|triton$")  # come with a build of torch; its version stands for them
_DIGITS = 12  # of a digest


@dataclass(frozen=True)
class Identity:
    """The code of a process.

    Attributes:
        python: its version.
        ray: its version.
        synaug: the version of this project.
        code: digest of the project's source files.
        packages: versions of all that the project depends on, by name; without local suffixes such as +cpu.
    """

    python: str
    ray: str
    synaug: str
    code: str
    packages: Mapping[str, str]

    @property
    def lock(self) -> str:
        """Digest of the packages' names and versions."""
        lines = "".join(f"{name}=={self.packages[name]}\n" for name in sorted(self.packages))
        return hashlib.sha256(lines.encode()).hexdigest()[:_DIGITS]


@dataclass(frozen=True)
class Difference:
    """A field in which two processes differ, with both values."""

    field: str
    here: str
    there: str

    def __str__(self) -> str:
        return f"{self.field} is {self.there}, here it is {self.here}"


@cache
def identity() -> Identity:
    """The code of this process; takes about a second the first time."""
    return _look()


def identity_json() -> str:
    """The code of this process as text, which processes with other code can exchange."""
    return json.dumps(asdict(_look()))  # not the one that is kept: this function travels to other code


def read_identity(text: str) -> Identity:
    """The code of the process that made a text by ``identity_json``."""
    return Identity(**json.loads(text))


def differences(here: Identity, there: Identity) -> list[Difference]:
    """All fields in which two processes differ; of different packages the first few."""
    names = ("python", "ray", "synaug", "code")
    pairs = [(name, getattr(here, name), getattr(there, name)) for name in names]
    pairs.append((f"lock ({_packages_text(here, there)})", here.lock, there.lock))
    return [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


def _look() -> Identity:
    packages = _packages()
    return Identity(platform.python_version(), packages["ray"], version(PROJECT), _code(), packages)


def other_code(wanted: Identity | None) -> list[str]:
    """In what this process does not run the code that is wanted, with the name of its machine."""
    if wanted is None:
        return []
    return [f"node {platform.node()}: {difference}" for difference in differences(wanted, identity())]


def _packages_text(here: Identity, there: Identity, shown: int = 3) -> str:
    names = sorted(here.packages.keys() | there.packages.keys())
    changed = [name for name in names if here.packages.get(name) != there.packages.get(name)]
    text = ", ".join(
        f"{name} {there.packages.get(name, 'absent')} for {here.packages.get(name, 'none')}"
        for name in changed[:shown]
    )
    return text + (f" and {len(changed) - shown} more" if len(changed) > shown else "")


def _code() -> str:
    digest = hashlib.sha256()
    for part in PARTS:
        found = find_spec(part)
        assert found is not None, f"this process runs {part}"
        assert found.origin is not None, f"{part} is a package"
        folder = Path(found.origin).parent
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{part}/{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:_DIGITS]


def _packages() -> dict[str, str]:
    """Versions of what the project depends on, directly or not, extras included, as far as installed."""
    found: dict[str, str] = {}
    seen, waiting = set(), [(PROJECT, frozenset[str]())]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            found[name] = version(name).partition("+")[0]
        except PackageNotFoundError:
            continue
        waiting += _needs(name, extras)
    return {name: number for name, number in found.items() if name != PROJECT and not _OF_A_GPU.match(name)}


def _needs(name: str, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    for line in requires(name) or ():
        need = Requirement(line)
        if need.marker is None or any(need.marker.evaluate({"extra": e}) for e in extras or {""}):
            yield canonicalize_name(need.name), frozenset(need.extras)
