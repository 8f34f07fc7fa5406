"""One spelling of a value as JSON, and the digests that are taken of it."""

from __future__ import annotations

import hashlib
import json
import zlib


def canonical_json(value: object) -> str:
    """Write a value as JSON in its one spelling: sorted keys, no blanks, no ASCII escapes.

    Raises:
        ValueError: a number is not finite.
        TypeError: a value has no JSON form.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(value: object) -> str:
    """Return the sha256 of the canonical JSON, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def crc32(value: object) -> str:
    """Return the CRC-32 of the canonical JSON, 8 lower-case hexadecimal digits."""
    return f"{zlib.crc32(canonical_json(value).encode()):08x}"
