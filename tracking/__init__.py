"""MLflow runs of a sweep: a parent run, a child run a cell, written once by one background thread.

Importing this package does not import MLflow; the first call that needs it does.
"""

from tracking.attach import attach
from tracking.errors import TrackingError, TrackingRefused, TrackingUnavailable, UnknownScheme, redact
from tracking.outbox import Outbox
from tracking.probing import probe
from tracking.runs import find_experiment, find_run, summary, write_cell, write_parent
from tracking.schema import ADJUSTED, CHILD_TAGS, HEADLINE, METRICS, PARENT, CellRun, DataUsed, ParentRun
from tracking.service import Retry, ensure_experiment, open_client
from tracking.ui import runs_page, ui_command, ui_environment

__all__ = [
    "ADJUSTED",
    "CHILD_TAGS",
    "HEADLINE",
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
    "ensure_experiment",
    "find_experiment",
    "find_run",
    "open_client",
    "probe",
    "redact",
    "runs_page",
    "summary",
    "ui_command",
    "ui_environment",
    "write_cell",
    "write_parent",
]
