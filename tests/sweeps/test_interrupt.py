"""Signals while cells run, without a sweep."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace

import pytest

from sweeps.interrupt import Interrupts
from synaug.errors import Exit


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)]
)
def test_the_first_signal_ends_the_sweep_cleanly_and_the_second_at_once(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: Exit
) -> None:
    stopped: list[str] = []
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    interrupts, before = Interrupts(SimpleNamespace(stop=stopped.append)), signal.getsignal(number)  # type: ignore[arg-type]
    with interrupts.caught() as halt:
        assert not halt.now
        signal.raise_signal(number)
        assert (interrupts.exit, halt.now, ended) == (code, True, [])
        assert number.name in stopped[0]
        signal.raise_signal(number)
        assert ended == [code]
    assert signal.getsignal(number) is before
