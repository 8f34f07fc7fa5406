"""The token by which a Ray cluster knows its own."""

from __future__ import annotations

import os
from pathlib import Path


def token_file() -> Path | None:
    """The file of the user's token, where there is one."""
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token").expanduser()
    return path if path.is_file() else None


def has_token() -> bool:
    """Whether the user has a token; `ray start` asks for it from then on, a client must be told."""
    return bool(os.environ.get("RAY_AUTH_TOKEN")) or token_file() is not None


def token_required() -> bool:
    """Whether Ray in this process asks for the token, and shows it."""
    from ray._private.authentication.authentication_utils import is_token_auth_enabled

    return bool(is_token_auth_enabled())
