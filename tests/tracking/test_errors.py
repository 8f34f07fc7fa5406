"""Addresses: which we use, and that none shows a password."""

from __future__ import annotations

import pytest

from tracking import TrackingRefused, TrackingUnavailable, UnknownScheme, probe, redact
from tracking.address import scheme


@pytest.mark.parametrize(
    "text",
    [
        "http://u:s3cret@host:5000/x",
        "cannot reach 'http://u:s3cret@host', tried http://u:s3cret@host/api twice",
        "http://u:p@s3cret@host/",
        "http://s3cret@host",
        "postgresql+psycopg2://u:s3cret@host/db",
        "postgresql:///db?user=u&password=s3cret&sslmode=on",
        "http://host/?token=s3cret",
    ],
)
def test_no_password_is_shown(text: str) -> None:
    assert "s3cret" not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize(
    "text", ["http://host:5000/a@b", "sqlite:///runs/mlflow.db", "mail ann@example.org", ""]
)
def test_other_text_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_errors_hide_passwords() -> None:
    error = TrackingUnavailable(
        "no answer from http://u:s3cret@h/a", "http://u:s3cret@h", "try http://u:s3cret@h", retryable=True
    )
    assert "s3cret" not in str(error) + repr(error) + error.message + error.where + error.fix


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("http://127.0.0.1:5000", "http"),
        ("https://host/prefix", "https"),
        ("sqlite:///runs/mlflow.db", "sqlite"),
        ("postgresql+psycopg2://u@h/db", "postgresql"),
        ("mysql+pymysql://h/db", "mysql"),
    ],
)
def test_schemes_in_use(uri: str, kind: str) -> None:
    assert scheme(uri) == kind


@pytest.mark.parametrize("uri", ["file:///tmp/x", "file:/tmp/x", "file:x", "mlruns", "/tmp/mlruns", "./a"])
def test_folders_are_refused_with_what_to_use(uri: str) -> None:
    with pytest.raises(TrackingRefused, match="use sqlite:///") as caught:
        probe(uri)
    assert not isinstance(caught.value, UnknownScheme)


@pytest.mark.parametrize(
    "uri", ["htp://x", "ftp://u:s3cret@x", "databricks://p", "http://", "localhost:5000"]
)
def test_unknown_schemes_are_named(uri: str) -> None:
    with pytest.raises(UnknownScheme, match="expected http://") as caught:
        probe(uri)
    assert "s3cret" not in str(caught.value)
