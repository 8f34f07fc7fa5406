"""What keeps a run private: no telemetry, no file that others can write, no password on the command line."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Mapping, Sequence

from ..telemetry import TELEMETRY_OFF

OTHERS_WRITE = 0o022
VARIABLES = {"--tracking-uri": "MLFLOW_TRACKING_URI", "--storage": "SYNAUG_STORAGE"}


def keep_private() -> None:
    """Begin a process of the command line; called before a library is imported."""
    for name, value in TELEMETRY_OFF.items():
        os.environ.setdefault(name, value)
    os.umask(os.umask(OTHERS_WRITE) | OTHERS_WRITE)
    hide_passwords()


def hide_passwords() -> None:
    """Start this process again with such addresses in its environment instead; the process id stays.

    The list of processes shows every command line, and Ray keeps that of its driver for its dashboard.
    """
    if not any(argument.startswith(tuple(VARIABLES)) for argument in sys.argv):
        return
    arguments, moved = without_passwords(sys.orig_argv[1:])
    if moved:
        os.execve(sys.executable, [sys.executable, *arguments], os.environ | moved)


def without_passwords(arguments: Sequence[str]) -> tuple[list[str], Mapping[str, str]]:
    """Take the options that hold a password out of a command line.

    Returns:
        The other arguments, and the variables that stand for those options.
    """
    from tracking import holds_secret  # takes a moment that --help need not wait for

    kept: list[str] = []
    moved: dict[str, str] = {}
    rest = deque(arguments)
    while rest:
        given = [rest.popleft()]
        option, equals, value = given[0].partition("=")
        if option in VARIABLES and not equals and rest:
            given.append(rest.popleft())
            value = given[1]
        if option in VARIABLES and holds_secret(value):
            moved[VARIABLES[option]] = value
        else:
            kept += given
    return kept, moved
