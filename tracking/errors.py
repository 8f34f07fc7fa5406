"""What can be wrong with a tracking store, and addresses without their passwords."""

from __future__ import annotations

import re

HIDDEN = "***"
_USERINFO = re.compile(r"(?<!hf://)(?<=://)[^/\s'\"]*@")
_SECRET_FIELD = re.compile(r"((?:password|passwd|pwd|token|secret)=)[^&\s'\"]+", re.IGNORECASE)


def redact(text: str) -> str:
    """Hide the ``user:password`` of every address in a text, and passwords in its query fields.

    >>> redact("cannot reach http://ann:s3cret@host:5000/ml")
    'cannot reach http://***@host:5000/ml'
    """
    return _SECRET_FIELD.sub(rf"\1{HIDDEN}", _USERINFO.sub(f"{HIDDEN}@", text))


def holds_secret(address: str) -> bool:
    """Return whether an address holds a password; the name alone of a database's user is none.

    >>> holds_secret("postgresql://ann:s3cret@host/db"), holds_secret("postgresql://ann@host/db")
    (True, False)
    """
    if _SECRET_FIELD.search(address):
        return True
    user = _USERINFO.search(address)
    return user is not None and (":" in user[0] or address.startswith("http"))  # there it may be a token


class TrackingError(Exception):
    """A tracking store that cannot be used: what, where and what to do about it.

    Passwords are hidden in all three texts.

    Args:
        message: what is wrong.
        where: the address of the store.
        fix: what the user can do.
    """

    def __init__(self, message: str, where: str, fix: str = ""):
        self.message = redact(message)
        self.where = redact(where)
        self.fix = redact(fix)
        super().__init__(f"{self.where}: {self.message}" + (f"; {self.fix}" if fix else ""))


class TrackingUnavailable(TrackingError):
    """The store does not answer, or refuses this call.

    Args:
        message: what is wrong.
        where: the address of the store.
        fix: what the user can do.
        retryable: True when waiting may help (no answer, 429, 5xx), False when it will not
            (401, 403, 404, a rejected value).
    """

    def __init__(self, message: str, where: str, fix: str = "", *, retryable: bool):
        self.retryable = retryable
        super().__init__(message, where, fix)


class TrackingRefused(TrackingError):
    """We do not use, or do not serve, such a store."""


class UnknownScheme(TrackingRefused):
    """The address is of no kind of store that we know; a slip of the pen rather than a choice."""
