"""YAML without its traps: no aliases, tags or repeated keys, small, and every key knows its line.

Scalars follow YAML 1.2: ``yes`` and ``no`` are words, ``1e-3`` is a number, a date is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from synaug.errors import Exit, Problem, SynaugError

MAX_BYTES = 1_000_000
MAX_DEPTH = 20

Keys = tuple[str | int, ...]  # the way to a value: keys of mappings, positions in lists

_CORE_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")}
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, Any] = {
    word: value
    for lower, value in {
        "": None,
        "~": None,
        "null": None,
        "true": True,
        "false": False,
        ".inf": float("inf"),
        "-.inf": float("-inf"),
        ".nan": float("nan"),
    }.items()
    for word in (lower, lower.capitalize(), lower.upper())
}


@dataclass(frozen=True)
class Document:
    """What a YAML text says.

    Attributes:
        name: what messages call the text, such as ``sweep.yaml``.
        place: the same with its folder, as the user gave it.
        value: mappings, lists, text, numbers, booleans and None.
        lines: the line, from 1, on which each key or list item stands, or the command line's
            option that gave it.
    """

    name: str
    place: str
    value: Any
    lines: Mapping[Keys, int | str] = field(default_factory=dict)

    def where(self, keys: Keys) -> str:
        """Name the place of a value: its line, or that of what it stands in."""
        line = self.line(keys)
        if isinstance(line, str):
            return line
        return f"{self.place}, line {line}" if line else self.place

    def line(self, keys: Keys) -> int | str:
        """Return the line of a value or of what it stands in, an option's name, or 0 if unknown."""
        known = (self.lines.get(keys[:length]) for length in range(len(keys), 0, -1))
        return next((line for line in known if line is not None), 0)


def dotted(keys: Keys) -> str:
    """Write the way to a value as in messages: ``space.k[0]``."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return text.removeprefix(".")


def scalar(text: str) -> Any:
    """Read one unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def load_file(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        SynaugError: SPEC with every problem found; INTEGRITY when the text asks for Python objects.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        return parse(data.decode("utf-8-sig"), path.name, str(path))
    except OSError as error:
        fix = "give a YAML file that this user may read"
        problem = Problem(f"{path.name}: cannot be read: {error.strerror}", str(path), fix, "D52")
    except UnicodeDecodeError as error:
        problem = Problem(
            f"{path.name}: byte {error.start} is not UTF-8", str(path), "save the file as UTF-8", "D53"
        )
    raise SynaugError(problem, Exit.SPEC)


def parse(text: str, name: str, place: str | None = None) -> Document:
    """Read a YAML text; ``name`` and ``place`` are for messages.

    Raises:
        SynaugError: SPEC with every problem found; INTEGRITY when the text asks for Python objects.
    """
    builder = _Builder(name, place or name)
    if len(text.encode()) > MAX_BYTES:
        builder.stop(f"larger than {MAX_BYTES:,} bytes", None, "a spec is a page of text", "D41")
    try:
        value = builder.document(iter(yaml.parse(text, Loader=yaml.CSafeLoader)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = error.problem or error.context or "not YAML"
        fix = "mend that line; texts with ': ' or '#' need quotes"
        builder.stop(f"not YAML: {reason}", mark.line + 1 if mark else None, fix)
    except yaml.YAMLError as error:
        builder.stop(f"not YAML: {str(error).splitlines()[0]}", None, "write the file again as text")
    if builder.problems:
        raise SynaugError(builder.problems, builder.exit)
    return Document(name, builder.place, value, builder.lines)


class _Builder:
    """Builds the value from parser events, so that nothing is expanded before it is checked."""

    def __init__(self, name: str, place: str):
        self.name, self.place = name, place
        self.problems: list[Problem] = []
        self.exit = Exit.SPEC
        self.lines: dict[Keys, int] = {}

    def note(self, text: str, line: int | None, fix: str, code: str) -> None:
        where = self.place if line is None else f"{self.place}, line {line}"
        self.problems.append(Problem(f"{self.name}: {text}", where, fix, code))

    def stop(self, text: str, line: int | None, fix: str, code: str = "D53") -> None:
        self.note(text, line, fix, code)
        raise SynaugError(self.problems, self.exit)

    def document(self, events: Iterator[Any]) -> Any:
        value: Any = None
        seen = False
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if seen:
                    self.stop("expected one document, got another", _line(event), "keep one of them")
                value, seen = self.node(next(events), events, ()), True
        return value

    def node(self, event: Any, events: Iterator[Any], keys: Keys) -> Any:
        line = _line(event)
        self.lines.setdefault(keys, line)
        self._check(event, line, keys)
        if isinstance(event, yaml.ScalarEvent):
            return scalar(event.value) if event.implicit[0] and not event.tag else event.value
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, keys)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, keys)
        return None  # an alias, already noted

    def _check(self, event: Any, line: int, keys: Keys) -> None:
        if isinstance(event, yaml.AliasEvent):
            self.note(f"alias *{event.anchor}: aliases are refused", line, "write the value out", "D41")
            return
        if event.anchor:
            self.note(f"anchor &{event.anchor}: anchors are refused", line, "write the value out", "D41")
        if event.tag and event.tag.startswith("tag:yaml.org,2002:python"):
            self.exit = Exit.INTEGRITY
            kind = event.tag.removeprefix("tag:yaml.org,2002:")
            self.note(f"tag !!{kind}: Python objects are refused", line, "remove the tag", "D40")
        elif event.tag and event.tag not in _CORE_TAGS:
            self.note(f"tag {event.tag}: tags are refused", line, "remove the tag", "D41")
        if len(keys) > MAX_DEPTH:
            self.stop(f"deeper than {MAX_DEPTH} levels", line, "a spec has five", "D41")

    def _mapping(self, events: Iterator[Any], keys: Keys) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            line = _line(event)
            if not isinstance(event, yaml.ScalarEvent):
                self.stop("expected a word as key", line, "write FIELD: VALUE")
            self._check(event, line, keys)
            key = event.value
            here = (*keys, key)
            if key in found:
                lines = f"lines {self.lines[here]} and {line}"
                self.note(f"{dotted(here)}: key is given twice, on {lines}", line, "keep one of them", "D38")
            self.lines.setdefault(here, line)
            found[key] = self.node(next(events), events, here)
        return found

    def _sequence(self, events: Iterator[Any], keys: Keys) -> list[Any]:
        found: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            found.append(self.node(event, events, (*keys, len(found))))
        return found


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


class _Dumper(yaml.SafeDumper):
    """Quotes every text that ``scalar`` would read as something else, and escapes line breaks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if scalar(text) == text and text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)


def dump(value: Mapping[str, Any]) -> str:
    """Write a mapping as YAML that ``parse`` reads back to the same value."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
