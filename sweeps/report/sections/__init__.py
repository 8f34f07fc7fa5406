"""The sections of a report, in the order of the page; a new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable

from ..model import Section, Source
from .budget import budget
from .data_sets import data_sets
from .knobs import knobs
from .limits import limits
from .methods import methods
from .noise import noise
from .protocol import protocol
from .quality import quality
from .ratio import ratio
from .robustness import robustness
from .signatures import signatures
from .transfer import transfer
from .vae import vae
from .winner import winner

SECTIONS: tuple[Callable[[Source], Section], ...] = (
    protocol,
    noise,
    budget,
    methods,
    knobs,
    ratio,
    vae,
    quality,
    transfer,
    data_sets,
    robustness,
    winner,
    signatures,
    limits,
)
