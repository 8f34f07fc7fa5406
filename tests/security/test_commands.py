"""The checks of RELIABILITY's table that are commands, run as they stand there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ["synaug", "sweeps", "tracking"]
UNSAFE = (
    r"allow_pickle=True|weights_only=False|torch\.load\(|joblib\.load|read_pickle|cloudpickle\.loads|"
    r"pickle\.loads?\("
)
UNSAFE_YAML = r"yaml\.(unsafe_load|full_load|load)\(|Loader=yaml\.(C?Loader|C?UnsafeLoader|C?FullLoader)"
PINNED = re.compile(r"uses:\s*[\w./-]+@[0-9a-f]{40}\b")


def grep(pattern: str, *where: str) -> str:
    """Lines of committed files that match."""
    command = ["/usr/bin/env", "git", "grep", "-nE", pattern, "--", *where]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode > 1:  # no checkout, such as the copy that CI tests
        command = ["/usr/bin/env", "grep", "-rnE", "--include=*.py", "--include=*.y*ml", pattern, *where]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode in (0, 1), found.stderr
    return found.stdout


def synaug(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from sweeps.cli.app import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=200, check=False
    )


def test_s01_no_rule_against_unsafe_code_is_broken() -> None:
    rules = "S301,S302,S307,S506,S602,S605,S607"
    ruff = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", rules, "."]
    done = subprocess.run(ruff, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("row", "pattern", "where"),
    [
        ("S01", UNSAFE, PACKAGES),
        ("S01", UNSAFE_YAML, [*PACKAGES, "benchmarks"]),
        ("S02", r"Tuner\.restore|Searcher\.restore\(|resume=", ["sweeps"]),
        ("S04", "trust_remote_code=True", [*PACKAGES, "benchmarks"]),
        ("S16", r"\.to_html\(|Styler|autoescape=False", ["sweeps"]),
    ],
)
def test_what_the_code_must_not_say(row: str, pattern: str, where: list[str]) -> None:
    assert grep(pattern, *where) == "", row


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (UNSAFE, "np.load(path, allow_pickle=True)"),
        (UNSAFE, "pickle.load(file)"),
        (UNSAFE_YAML, "yaml.load(text)"),
        (UNSAFE_YAML, "yaml.parse(text, Loader=yaml.CLoader)"),
    ],
)
def test_the_patterns_find_what_they_look_for(pattern: str, line: str) -> None:
    assert re.search(pattern, line)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_s05_an_open_bind_without_a_password_is_refused(finished_folder: Path, host: str) -> None:
    done = synaug("ui", str(finished_folder), "--host", host)
    assert done.returncode == 9, done.stderr
    assert "without a password" in done.stderr
    optuna = synaug("ui", str(finished_folder), "--host", host, "--optuna")
    assert optuna.returncode == 9, optuna.stderr


@pytest.fixture
def finished_folder(tmp_path: Path) -> Path:
    """A sweep of one line, which is enough to be served."""
    line = {"kind": "sweep", "sweep": "s", "schema": 1}
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "ledger.jsonl").write_text(json.dumps(line) + "\n")
    return tmp_path / "s"


@pytest.mark.parametrize(
    ("package", "least"),
    [
        ("ray", (2, 56)),  # CVE-2023-48022, CVE-2025-62593, CVE-2026-27482, CVE-2026-57516
        ("mlflow", (3, 17, 2)),  # CVE-2026-2635, CVE-2026-2652, CVE-2026-0545, CVE-2026-53995
        ("Jinja2", (3, 1, 6)),
        ("torch", (2, 6)),  # torch.load reads plain weights only, by default and for good
    ],
)
def test_s08_s10_versions_without_known_holes(package: str, least: tuple[int, ...]) -> None:
    lock = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text().splitlines())
    locked = tuple(int(part) for part in re.findall(r"\d+", lock[package])[: len(least)])
    assert locked >= least
    code = (
        f"import importlib.metadata as m, re, sys; v = m.version({package!r})\n"
        f"sys.exit(tuple(map(int, re.findall(r'\\d+', v)))[:{len(least)}] < {least!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_s20_actions_are_pinned_by_their_digest() -> None:
    text = "\n".join(path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.y*ml"))
    uses = re.findall(r"uses:.*", text)
    assert uses
    assert [line for line in uses if not PINNED.match(line)] == []
    assert "pip-audit" in text


def test_s20_the_bill_of_materials_is_that_of_the_lock() -> None:
    """Written anew by ``python .ci/sbom.py``."""
    bill = json.loads((ROOT / "docs" / "sbom.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    found = [f"{part['name']}=={part['version']}" for part in bill["components"]]
    assert found == (ROOT / "requirements.lock").read_text().splitlines(), "run `python .ci/sbom.py`"
    assert len({part["bom-ref"] for part in bill["components"]}) == len(found)


def test_the_shell_is_never_asked_to_read_a_command() -> None:
    assert grep(r"shell=True|os\.system\(|os\.popen\(", *PACKAGES, "benchmarks") == ""
