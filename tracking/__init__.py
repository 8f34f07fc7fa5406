"""MLflow runs of a sweep: a parent run, a child run a cell, written once by one background thread.

Importing this package does not import MLflow; the first call that needs it does.
"""

from tracking.attach import attach
from tracking.errors import (
    HIDDEN,
    TrackingError,
    TrackingRefused,
    TrackingUnavailable,
    UnknownScheme,
    holds_secret,
    redact,
)
from tracking.limits import page_problems
from tracking.outbox import Outbox
from tracking.probing import probe
from tracking.runs import find_experiment, find_run, summary, write_cell, write_parent
from tracking.schema import ADJUSTED, CHILD_TAGS, HEADLINE, METRICS, PARENT, CellRun, DataUsed, ParentRun
from tracking.service import Retry, ensure_experiment, open_client
from tracking.ui import ALL_CELLS, FAILED_CELLS, cells_of, runs_page, ui_command, ui_environment

__all__ = [
    "ADJUSTED",
    "ALL_CELLS",
    "CHILD_TAGS",
    "FAILED_CELLS",
    "HEADLINE",
    "HIDDEN",
    "METRICS",
    "PARENT",
    "CellRun",
    "DataUsed",
    "Outbox",
    "ParentRun",
    "Retry",
    "TrackingError",
    "TrackingRefused",
    "TrackingUnavailable",
    "UnknownScheme",
    "attach",
    "cells_of",
    "ensure_experiment",
    "find_experiment",
    "find_run",
    "holds_secret",
    "open_client",
    "page_problems",
    "probe",
    "redact",
    "runs_page",
    "summary",
    "ui_command",
    "ui_environment",
    "write_cell",
    "write_parent",
]
