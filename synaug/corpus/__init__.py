"""Texts and labels from files, data frames, the Hugging Face hub or installed packages, checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit, Problem, SynaugError
from . import builtin, formats, hub, read, vectors
from .base import Corpus, DataOptions, Part, Table, slug
from .checks import check

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Corpus", "DataOptions", "Part", "load"]

_DEFAULTS = DataOptions()


def load(source: str | Path | pd.DataFrame, options: DataOptions = _DEFAULTS) -> Corpus:
    """Load and check a corpus.

    Args:
        source: "builtin"; ``hf://name[:config][@revision]``; a csv, tsv, parquet or jsonl file; a
            folder with a file ``train`` and, where there are, ``dev`` and ``test``; or a data frame.
        options: columns, encoding, classes and what is let pass.

    Raises:
        SynaugError: with every problem found; exit 4 for the data, 5 where the hub is needed and does
            not answer, 9 for a link that leads out of the data folder or a pickle.
    """
    local = isinstance(source, str | Path) and source != "builtin" and not str(source).startswith("hf://")
    if options.vector_file is not None and not local:
        text = "data.vector_file: expected none where the data are not files"
        fix = "give data.vector_col, or save the data as files"
        raise SynaugError(Problem(text, fix=fix), Exit.SPEC)
    if not isinstance(source, str | Path):
        columns = formats.read_frame(source, options)
        return check("dataframe", "data frame", [Table(Part.TRAIN, "data frame", *columns)], options)
    if source == "builtin":
        return check("builtin", builtin.describe(), [builtin.read()], options)
    if str(source).startswith("hf://"):
        name = hub.HubName.parse(str(source))
        return check(slug(name.repository), str(name), hub.read(name, options), options)
    path = Path(source).expanduser()
    name_of = path.resolve().name if path.is_dir() else path.stem
    folder = path if path.is_dir() else path.parent
    tables = vectors.with_file(read.read(path, options), folder, options)
    return check(slug(name_of), str(source), tables, options)
