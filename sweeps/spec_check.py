"""Every problem of a spec in one go, in words: place, expectation, value, nearest name, line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from synaug.errors import Exit, Problem, SynaugError, did_you_mean

from .space import resolve
from .spec_classifier import MODELS, name_classifiers
from .spec_encoders import write_out_encoders
from .spec_model import IMBALANCES, Spec
from .spec_part import Finding
from .spec_yaml import Document, Keys, dotted

_NOUNS = {
    "int": "a whole number",
    "float": "a number",
    "string": "text",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "dict": "a mapping",
    "model": "a mapping",
}
_LIMITS = {
    "greater_than_equal": ("ge", "a number >= {}"),
    "greater_than": ("gt", "a number > {}"),
    "less_than_equal": ("le", "a number <= {}"),
    "less_than": ("lt", "a number < {}"),
    "too_short": ("min_length", "a list of {} or more"),
    "string_too_short": ("min_length", "text of {} or more characters"),
}

LISTED = {"classifier": "classifiers", "encoder": "encoders"}  # fields that are the first of a list


def check(document: Document) -> Spec:
    """Check a document and return the resolved spec.

    Raises:
        SynaugError: with every problem; SPEC, or DATA when only the number of folds is wrong.
    """
    if not isinstance(document.value, Mapping):
        fix = "write FIELD: VALUE lines, as in a preset: synaug plan quickstart shows one"
        raise SynaugError(
            _problem(document, Finding((), "expected a mapping of fields", fix, code="D53")), Exit.SPEC
        )
    written, findings = write_out_encoders(name_classifiers(document.value))
    resolved, more = resolve(written)
    findings += more
    spec = None
    try:
        spec = Spec.model_validate_json(json.dumps(resolved, default=str), strict=True)
    except ValidationError as error:
        findings += _findings(error.errors(include_url=False), resolved)
    if spec is None or findings:
        findings.sort(key=lambda f: (isinstance(line := document.line(f.keys), str), line))
        exits = {finding.exit for finding in findings}
        exit = exits.pop() if len(exits) == 1 else Exit.SPEC
        raise SynaugError([_problem(document, finding) for finding in findings], exit)
    return spec


def _problem(document: Document, finding: Finding) -> Problem:
    field = dotted(finding.keys)
    message = (
        f"{document.name}: {field}: {finding.message}" if field else f"{document.name}: {finding.message}"
    )
    fix = finding.fix or f"change it there, or with --set {field}=VALUE"
    return Problem(message, document.where(finding.keys), fix, finding.code)


def _findings(errors: Sequence[Any], raw: Mapping[str, Any]) -> list[Finding]:
    """Put pydantic's errors in our words; those that are the arms' and the space's are there already."""
    found: dict[Keys, Finding] = {}
    for error in errors:
        loc = tuple(error["loc"])
        if loc[:1] in (("arms",), ("space",)) or (loc[0] in LISTED and raw.get(LISTED[str(loc[0])])):
            continue  # the last: it is the first of the list
        keys = _keys(loc, raw)
        found.setdefault(keys, _finding(keys, error, raw))
    # pydantic calls a list too short when its items are wrong
    inner = {keys[:-1] for keys in found if isinstance(keys[-1], int)}
    return [finding for keys, finding in found.items() if keys not in inner]


def _keys(loc: Keys, raw: Mapping[str, Any]) -> Keys:
    """Take out what pydantic adds to the place of a value: the kind and the options of a union."""
    if loc[0] == "imbalance" and len(loc) > 1:
        return loc[:1] + loc[2:]
    if loc[0] in ("classifier", "classifiers"):
        place = 1 if loc[0] == "classifier" else 2  # of the classifier's name
        keys = loc[:place] + loc[place + 1 :]
        return keys[: place + 1] if keys[place:][:1] == ("steps",) else keys
    return loc


def _finding(keys: Keys, error: Mapping[str, Any], raw: Mapping[str, Any]) -> Finding:
    kind, context = str(error["type"]), error.get("ctx", {})
    if kind == "extra_forbidden":
        fields = _fields(keys[:-1], raw)
        hint = did_you_mean(str(keys[-1]), fields)
        fix = "use one of " + ", ".join(fields)
        if keys[0] != "imbalance":
            return Finding(keys, f"unknown field{hint}", fix, code="D37")
        kind = raw["imbalance"]["kind"]
        fix += f"; --set 'imbalance={{kind: {kind}, ...}}' sets all of it anew"
        return Finding(keys, f"unknown field of imbalance of kind {kind}{hint}", fix, code="D37")
    if kind == "missing":
        return Finding(keys, "is required", f"add it, or --set {dotted(keys)}=VALUE")
    if kind.startswith("union_tag"):
        tag, known = ("kind", IMBALANCES) if keys[0] == "imbalance" else ("name", MODELS)
        value = error["input"].get(tag) if isinstance(error["input"], Mapping) else error["input"]
        hint = did_you_mean(value, list(known)) if isinstance(value, str) else ""
        text = f"expected one of {', '.join(known)}, got {_shown(value)}{hint}"
        return Finding((*keys, tag), text)
    value = error["input"]
    if kind == "value_error":
        got = "" if isinstance(value, Mapping) else f", got {_shown(value)}"
        return _bad_value(keys, f"{context['error']}{got}")
    text = f"expected {_expectation(kind, context, str(error['msg']))}, got {_shown(value)}"
    if keys == ("folds",) and kind == "greater_than_equal":  # a matter of the data
        return Finding(keys, text, "use 2 folds or more", Exit.DATA, "D27")
    return _bad_value(keys, text)


def _bad_value(keys: Keys, text: str) -> Finding:
    if keys == ("name",):
        return Finding(keys, text, "use such a name as the last part of --out: runs/my-sweep", code="D43")
    return Finding(keys, text)


def _expectation(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind in _LIMITS:
        name, text = _LIMITS[kind]
        limit = context[name]
        return text.format(f"{limit:g}" if isinstance(limit, float) else limit)
    if kind == "literal_error":
        return f"one of {context['expected']}"
    if kind == "string_pattern_mismatch":  # a name's
        return "lower-case letters, digits, '.', '_' and '-', a letter or digit first"
    noun = _NOUNS.get(kind.partition("_")[0])
    return noun or message


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _fields(keys: Keys, raw: Mapping[str, Any]) -> list[str]:
    """Names of the fields of a part of the spec."""
    model: type[BaseModel] = Spec
    for number, key in enumerate(keys):
        if key == "imbalance":
            model = IMBALANCES[raw["imbalance"]["kind"]]
        elif key == "classifier":
            model = MODELS[raw["classifier"]["name"]]
        elif key == "classifiers":
            return list(MODELS[raw["classifiers"][keys[number + 1]]["name"]].model_fields)
        elif isinstance(key, int):
            continue
        else:
            annotation = model.model_fields[str(key)].annotation
            options = (annotation, *getattr(annotation, "__args__", ()))
            model = next(o for o in options if isinstance(o, type) and issubclass(o, BaseModel))
    return [field.alias or name for name, field in model.model_fields.items()]
