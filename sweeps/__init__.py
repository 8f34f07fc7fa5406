"""Sweeps: from a spec to records and answers. ``run_sweep``, ``load_sweep`` and ``Sweep`` are for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import Sweep, load_sweep, run_sweep

__all__ = ["Sweep", "load_sweep", "run_sweep"]


def __getattr__(name: str) -> Any:
    """Import what a script asks for only then: ``import sweeps`` stays quick."""
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
