"""Data sets of the Hugging Face hub, or of its cache on this machine where the hub does not answer."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit, Problem, SynaugError
from ..hub import network_errors, reachable, remedy
from .base import DataOptions, Part, Table
from .formats import read_columns

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)

SPLITS = {
    "train": Part.TRAIN,
    "validation": Part.DEV,
    "valid": Part.DEV,
    "dev": Part.DEV,
    "test": Part.TEST,
}
# Where the options keep their defaults, the first of these that is there is taken.
TEXT_COLUMNS = ("text", "sentence", "content", "review", "tweet")
LABEL_COLUMNS = ("label", "labels", "class", "category", "target")
CACHED_FILE = re.compile(r".+?-(?P<split>train|validation|valid|dev|test)(?:-\d{5}-of-\d{5})?\.arrow")


@dataclass(frozen=True)
class HubName:
    """A data set's address: ``hf://name[:config][@revision]``, the last two in either order."""

    repository: str
    config: str | None = None
    revision: str | None = None

    @classmethod
    def parse(cls, source: str) -> HubName:
        """Read an address.

        Raises:
            SynaugError: exit 4 for something else, 3 for what leads out of a folder.
        """
        part = r"[A-Za-z0-9][\w.-]*"
        pattern = rf"hf://({part}(?:/{part})?)((?:[:@][\w.+/-]+)*)"
        match = re.fullmatch(pattern, source)
        marks = re.findall(r"([:@])([^:@]+)", match[2]) if match else []
        if match is None or len(dict(marks)) != len(marks):
            message, fix = f"not the address of a data set: {source!r}", "write hf://NAME[:CONFIG][@REVISION]"
            if ".." in source:  # a way out of the cache, not a name
                raise SynaugError(Problem(message, "data.source", fix, "D43"), Exit.SPEC)
            raise SynaugError(Problem(message, "data.source", fix, "D66"), Exit.DATA)
        return cls(match[1], dict(marks).get(":"), dict(marks).get("@"))

    def __str__(self) -> str:
        config = f":{self.config}" if self.config else ""
        revision = f"@{self.revision}" if self.revision else ""
        return f"hf://{self.repository}{config}{revision}"


def read(name: HubName, options: DataOptions) -> list[Table]:
    """Read the splits train, validation and test of a data set. Its code is never run.

    Raises:
        SynaugError: exit 5 where the hub does not answer or refuses and the data set is not cached
            (in under 10 s); exit 4 for splits and columns that are not as expected.
    """
    if Path(name.repository).exists():
        raise SynaugError(
            Problem(
                "the hub's data set is hidden by a local file or folder of the same name",
                str(name),
                f"leave hf:// out to read {name.repository}, or run in another folder",
                "D66",
            ),
            Exit.DATA,
        )
    splits = _download(name) if reachable() else _from_cache(name)
    return tables_of(splits, str(name), options)


def tables_of(splits: Mapping[str, Dataset], where: str, options: DataOptions) -> list[Table]:
    """Take texts and labels from the splits that are train, validation or test.

    Raises:
        SynaugError: exit 4, naming the splits or columns that were found.
    """
    found = {SPLITS[split]: (split, data) for split, data in splits.items() if split in SPLITS}
    if Part.TRAIN not in found:
        problem = Problem("no split 'train'", where, f"splits found: {', '.join(splits) or 'none'}", "D66")
        raise SynaugError(problem, Exit.DATA)
    tables = []
    for part, (split, data) in sorted(found.items()):
        place = f"{where}, split {split!r}"
        tables.append(Table(part, place, *read_columns(_columns(data, options), place, options)))
    return tables


def _columns(data: Dataset, options: DataOptions) -> dict[str, list[object]]:
    """Name the columns of a split, and give the cells of the two that are wanted."""
    columns: dict[str, list[object]] = {name: [] for name in data.column_names}
    if options.vector_col in data.column_names:
        columns[str(options.vector_col)] = list(data[options.vector_col])
    for wanted, usual in ((options.text_col, TEXT_COLUMNS), (options.label_col, LABEL_COLUMNS)):
        others = usual if wanted == usual[0] else ()
        name = next((name for name in (wanted, *others) if name in data.column_names), None)
        if name is not None:
            columns[wanted] = _cells(data, name)
    return columns


def _cells(data: Dataset, name: str) -> list[object]:
    """Take the cells of a column; codes of classes become names, -1 is a hidden label."""
    from datasets import ClassLabel

    feature, cells = data.features[name], list(data[name])
    if not isinstance(feature, ClassLabel):
        return cells
    return [None if code is None or code < 0 else feature.names[code] for code in cells]


def _download(name: HubName) -> Mapping[str, Dataset]:
    import datasets
    from datasets.exceptions import DatasetNotFoundError

    try:
        with _quiet():
            splits: Mapping[str, Dataset] = datasets.load_dataset(
                name.repository, name.config, revision=name.revision
            )
            return splits
    except DatasetNotFoundError as error:
        raise _refused(error, name, Exit.DATA, "check the name, or log in with `hf auth login`") from error
    except network_errors() as error:
        raise _refused(error, name, Exit.SERVICE, _remedy(name)) from error
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        fix = "save the data set as parquet files and give their folder"
        raise _refused(error, name, Exit.DATA, fix) from error


def _from_cache(name: HubName) -> Mapping[str, Dataset]:
    """Open the newest copy in the cache of the library ``datasets`` that fits the address."""
    import datasets
    from datasets.naming import camelcase_to_snakecase

    *owner, last = name.repository.split("/")
    folder = Path(datasets.config.HF_DATASETS_CACHE, "___".join([*owner, camelcase_to_snakecase(last)]))
    copies = [  # CONFIG/VERSION/REVISION
        copy
        for copy in folder.glob("*/*/*")
        if copy.parts[-3] == (name.config or "default") and copy.name == (name.revision or copy.name)
    ]
    if not copies:
        there = (
            ", ".join(sorted(f"{copy.parts[-3]}@{copy.name}" for copy in folder.glob("*/*/*"))) or "nothing"
        )
        problem = Problem(
            "the hub does not answer and the data set is not in the cache",
            f"{name}, cached of it: {there}",
            _remedy(name),
            "D36",
        )
        raise SynaugError(problem, Exit.SERVICE)
    newest = max(copies, key=lambda copy: copy.stat().st_mtime)
    logger.warning("the hub does not answer: %s is read from the cache, revision %s", name, newest.name)
    files: dict[str, list[Dataset]] = {}
    for file in sorted(newest.glob("*.arrow")):
        if match := CACHED_FILE.fullmatch(file.name):
            files.setdefault(match["split"], []).append(datasets.Dataset.from_file(str(file)))
    return {split: datasets.concatenate_datasets(shards) for split, shards in files.items()}


def _remedy(name: HubName) -> str:
    arguments = [repr(name.repository)]
    arguments += [repr(name.config)] if name.config else []
    arguments += [f"revision={name.revision!r}"] if name.revision else []
    return remedy(f'python -c "import datasets; datasets.load_dataset({", ".join(arguments)})"')


def _refused(error: Exception, name: HubName, exit: Exit, fix: str) -> SynaugError:
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return SynaugError(Problem(f"the data set cannot be read: {reason[0]}", str(name), fix, "D66"), exit)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's progress bars off the terminal."""
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    disabled = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not disabled:
            enable_progress_bars()
