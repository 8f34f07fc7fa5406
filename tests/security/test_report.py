"""Names from the data are text in the report, never markup or code (S16)."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.security.conftest import HOSTILE

pytestmark = pytest.mark.timeout(900)  # the first of these tests waits for a sweep


class Elements(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.slow
def test_a_class_with_a_hostile_name_is_shown_as_text(guarded: Any) -> None:
    page = (guarded.out / "report" / "report.html").read_text()
    assert HOSTILE not in page
    assert "<script>alert" not in page
    found = Elements(page)
    assert "img" not in found.names
    assert [name for name in found.attributes if name.startswith("on")] == []
    assert any(HOSTILE in text for text in found.texts), "the class is not named at all"
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "unsafe-eval" not in policy[1]


@pytest.mark.slow
def test_claims_and_tables_hold_the_name_as_data(guarded: Any) -> None:
    claims = json.loads((guarded.out / "report" / "claims.json").read_text())
    assert claims["claims"]
    assert all(isinstance(claim["sentence"], str) for claim in claims["claims"])
