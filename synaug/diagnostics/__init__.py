"""Diagnostics of synthetic rows: how they differ from real ones, and from how real ones differ."""

from .cell import diagnose
from .table import TABLE, Diagnostic, band, entry

__all__ = ["TABLE", "Diagnostic", "band", "diagnose", "entry"]
