"""The report of a sweep: a page that holds all it needs, claims, and files for a paper."""

from .checks import Check, self_check
from .claims import Claim, claims_of, unsourced
from .write import CLAIMS, PAGE, Report, make, save

__all__ = [
    "CLAIMS",
    "PAGE",
    "Check",
    "Claim",
    "Report",
    "claims_of",
    "make",
    "save",
    "self_check",
    "unsourced",
]
