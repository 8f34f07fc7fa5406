"""JSON documents of the commands, checked against their schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import yaml

SCHEMAS: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "schemas.yaml").read_text())


def document(name: str, text: str) -> Any:
    """Read the one document that a command printed; it fits the schema of that name."""
    found = json.loads(text)
    jsonschema.validate(found, SCHEMAS | {"$ref": f"#/$defs/{name}"})
    return found
