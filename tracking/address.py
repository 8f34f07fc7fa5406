"""The kinds of tracking store that an address can name."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from tracking.errors import HIDDEN, TrackingRefused, UnknownScheme

DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
SERVERS = ("http", "https")
SQLITE = "sqlite"


def scheme(uri: str) -> str:
    """Return the kind of store: http, https, sqlite, postgresql, mysql or mssql.

    Raises:
        TrackingRefused: for a folder (``file:`` or a path).
        UnknownScheme: for anything else, and where the password is hidden.
    """
    if f"{HIDDEN}@" in uri or f"={HIDDEN}" in uri:
        raise UnknownScheme(
            "passwords are not kept: this address was recorded without its own",
            uri,
            "give it again: --tracking-uri or MLFLOW_TRACKING_URI",
        )
    name = uri.split(":", 1)[0].split("+", 1)[0].lower() if "://" in uri else ""
    if name in SERVERS and not urlsplit(uri).hostname:
        raise UnknownScheme("the address names no host", uri, "expected http://HOST:PORT")
    if name in (*SERVERS, SQLITE, *DATABASE_PORTS):
        return name
    if name == "file" or ":" not in uri or uri.startswith("file:"):
        folder = uri.removeprefix("file:").removeprefix("//") or "."
        raise TrackingRefused(
            "a folder cannot be a tracking store: MLflow no longer maintains that kind",
            uri,
            f"use sqlite:///{folder.rstrip('/')}/mlflow.db",
        )
    raise UnknownScheme(
        "no such kind of tracking store",
        uri,
        "expected http://, https://, sqlite:///, postgresql://, mysql:// or mssql://",
    )


def sqlite_file(uri: str) -> Path:
    """Return the file of an ``sqlite:///`` address."""
    return Path(uri.split("://", 1)[1].removeprefix("/").split("?", 1)[0])
