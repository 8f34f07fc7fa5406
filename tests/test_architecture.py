"""The shape of the project: who imports whom, how long files are, what is pinned."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PACKAGES = ("synaug", "sweeps", "tracking")
FORBIDDEN = {
    "synaug": {"ray", "optuna", "mlflow", "sweeps", "tracking"},
    "tracking": {"ray", "optuna", "synaug", "sweeps"},
}
HEAVY = ("ray", "optuna", "mlflow", "torch", "transformers")
MAX_LINES = 300
RUNS_WHAT_IT_READS = re.compile(
    r"allow_pickle=True|weights_only=False|trust_remote_code=True|joblib\.load|read_pickle|pickle\.loads?\b|Tuner\.restore"
)


def sources(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"no Python file in {folder}"
    return found


def imported(source: str) -> set[str]:
    """Name the top-level packages of all absolute imports, also those inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def declared(extra: str | None = None) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return [Requirement(line) for line in lines]


def locked() -> list[str]:
    return (ROOT / "requirements.lock").read_text().splitlines()


def test_imported_sees_every_absolute_import() -> None:
    source = "import a.b, c as d\nfrom . import e\nfrom .f import g\ndef h():\n    from i.j import k\n"
    assert imported(source) == {"a", "c", "i"}


@pytest.mark.parametrize("package", FORBIDDEN)
def test_packages_know_only_what_they_may(package: str) -> None:
    crossings = {
        str(path.relative_to(ROOT)): sorted(imported(path.read_text()) & FORBIDDEN[package])
        for path in sources(package)
    }
    assert {path: names for path, names in crossings.items() if names} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_third_party_imports_are_declared(package: str) -> None:
    dependencies = {canonicalize_name(requirement.name) for requirement in declared()}
    owners = packages_distributions()
    known = {*sys.stdlib_module_names, *PACKAGES}
    missing = {
        (str(path.relative_to(ROOT)), name)
        for path in sources(package)
        for name in imported(path.read_text()) - known
        if not {canonicalize_name(owner) for owner in owners.get(name, ())} & dependencies
    }
    assert missing == set()


def test_import_synaug_stays_light() -> None:
    code = f"import sys, synaug, synaug.methods; print([m for m in {HEAVY} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (result.stdout.strip(), result.stderr) == ("[]", "")


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_read_can_run_code(package: str) -> None:
    found = {
        str(path.relative_to(ROOT)): RUNS_WHAT_IT_READS.findall(path.read_text()) for path in sources(package)
    }
    assert {path: calls for path, calls in found.items() if calls} == {}


@pytest.mark.parametrize("folder", [*PACKAGES, "benchmarks", "tests"])
def test_files_are_short(folder: str) -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources(folder)}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_lock_pins_plain_versions_in_order() -> None:
    lines = locked()
    bad = [
        line for line in lines if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.]*", line)
    ]
    names = [canonicalize_name(line.partition("==")[0]) for line in lines]
    assert bad == []
    assert names == sorted(set(names))
    assert "synaug" not in names


@pytest.mark.parametrize("requirement", [*declared(), *declared("dev")], ids=lambda r: r.name)
def test_lock_satisfies_every_dependency(requirement: Requirement) -> None:
    versions = dict(line.split("==") for line in locked())
    found = {canonicalize_name(name): version for name, version in versions.items()}
    version = found.get(canonicalize_name(requirement.name))
    assert version is not None, f"{requirement.name} is not in requirements.lock"
    assert requirement.specifier.contains(version, prereleases=True)
