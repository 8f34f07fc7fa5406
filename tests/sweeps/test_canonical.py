"""Canonical JSON and its digests against the standard library."""

from __future__ import annotations

import hashlib
import zlib

import pytest

from sweeps.canonical import canonical_json, crc32, sha256


def test_one_spelling() -> None:
    assert canonical_json({"b": [1, 2.0, None, True], "a": "ä"}) == '{"a":"ä","b":[1,2.0,null,true]}'


def test_order_of_keys_does_not_matter() -> None:
    assert canonical_json({"a": 1, "b": 2}) == canonical_json({"b": 2, "a": 1})


def test_digests() -> None:
    text = '{"a":"ä"}'.encode()
    assert sha256({"a": "ä"}) == hashlib.sha256(text).hexdigest()
    assert crc32({"a": "ä"}) == f"{zlib.crc32(text):08x}"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_refuses_what_json_has_not(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json({"value": value})
