"""Writes docs/sbom.cdx.json, the bill of materials, from requirements.lock: `python .ci/sbom.py`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCK, SBOM = ROOT / "requirements.lock", ROOT / "docs" / "sbom.cdx.json"


def bill() -> dict[str, Any]:
    """The locked packages as CycloneDX 1.6; of Python packages a name and a version are the address."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pairs = [line.split("==") for line in LOCK.read_text().splitlines()]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": component(project["name"], project["version"], "application")},
        "components": [component(name, version) for name, version in pairs],
    }


def component(name: str, version: str, kind: str = "library") -> dict[str, str]:
    """One package."""
    address = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
    return {"type": kind, "bom-ref": address, "name": name, "version": version, "purl": address}


def text() -> str:
    """The file's content."""
    return json.dumps(bill(), indent=1) + "\n"


if __name__ == "__main__":
    SBOM.write_text(text())
