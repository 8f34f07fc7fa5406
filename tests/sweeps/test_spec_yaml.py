"""The YAML of specs: what it reads, what it refuses, and in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.spec_yaml import MAX_BYTES, dotted, dump, load_file, parse
from synaug.errors import Exit, SynaugError

SCALARS: list[tuple[str, Any]] = [
    ("5", 5),
    ("-5", -5),
    ("1e-3", 0.001),
    (".5", 0.5),
    ("2.", 2.0),
    ("true", True),
    ("yes", "yes"),
    ("no", "no"),
    ("null", None),
    ("~", None),
    ("1:30", "1:30"),
    ("2026-01-01", "2026-01-01"),
    ("2h30m", "2h30m"),
    ("'5'", "5"),
    ("9" * 30, float("9" * 30)),
]


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_scalars(text: str, value: Any) -> None:
    read = parse(f"key: {text}", "t.yaml").value["key"]
    assert read == value
    assert type(read) is type(value)


def test_lines_of_keys_and_items() -> None:
    document = parse("a: 1\nb:\n  c:\n    - x\n    - y: 2\n", "t.yaml", "conf/t.yaml")
    assert document.value == {"a": 1, "b": {"c": ["x", {"y": 2}]}}
    assert document.where(("b", "c", 1, "y")) == "conf/t.yaml, line 5"
    assert document.where(("b", "c", 7)) == "conf/t.yaml, line 3"
    assert document.where(("z",)) == "conf/t.yaml"


def test_dotted() -> None:
    assert dotted(("space", "k", 0)) == "space.k[0]"


REFUSED = [
    ("a: 1\nb: 2\na: 3\n", Exit.SPEC, "a: key is given twice, on lines 1 and 3"),
    ("a:\n  b: 1\n  b: 2\n", Exit.SPEC, r"a\.b: key is given twice, on lines 2 and 3"),
    ("a: &x [1]\nb: *x\n", Exit.SPEC, "anchor &x"),
    ("a: &x [1]\nb: *x\n", Exit.SPEC, r"alias \*x"),
    ("a: !!python/object/apply:os.system ['touch PWNED']", Exit.INTEGRITY, "Python objects"),
    ("!!python/name:os.system a: 1", Exit.INTEGRITY, "Python objects"),
    ("a: !!binary aGk=", Exit.SPEC, "tags are refused"),
    ("a: !mine 1", Exit.SPEC, "tags are refused"),
    ("[" * 30 + "]" * 30, Exit.SPEC, "deeper than 20 levels"),
    ("[" * 100_000, Exit.SPEC, "deeper than 20 levels"),
    ("a: [1, 2", Exit.SPEC, "not YAML"),
    ("a: b: c", Exit.SPEC, "not YAML"),
    ("a: \x00", Exit.SPEC, "not YAML"),
    ("a: 1\n---\nb: 2", Exit.SPEC, "one document"),
    ("? [a, b]\n: 1", Exit.SPEC, "word as key"),
    ("#" * (MAX_BYTES + 1), Exit.SPEC, "larger than"),
]


@pytest.mark.parametrize(("text", "exit", "message"), REFUSED)
def test_refused(text: str, exit: Exit, message: str) -> None:
    with pytest.raises(SynaugError, match=message) as caught:
        parse(text, "t.yaml")
    assert caught.value.exit is exit


def test_all_problems_at_once() -> None:
    with pytest.raises(SynaugError) as caught:
        parse("a: &x 1\na: 2\nb: !!python/name:os.system\n", "t.yaml")
    assert [problem.where for problem in caught.value.problems] == [
        "t.yaml, line 1",
        "t.yaml, line 2",
        "t.yaml, line 3",
    ]
    assert caught.value.exit is Exit.INTEGRITY


def test_file_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_bytes(b"a: caf\xe9\n")
    with pytest.raises(SynaugError, match="byte 6 is not UTF-8"):
        load_file(path)


def test_file_with_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert load_file(path).value == {"a": 1}


def test_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_bytes(b"a: [" + b"1," * MAX_BYTES + b"1]")
    with pytest.raises(SynaugError, match="larger than"):
        load_file(path)


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(SynaugError, match="cannot be read"):
        load_file(tmp_path)


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(10**17), 10**17)
            | st.floats(allow_nan=False)
            | st.text(st.characters(codec="utf-8"))
            | st.from_regex(r"[-+]?[0-9.]+(e[0-9])?", fullmatch=True),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=5,
        ),
        max_size=4,
    )
)
def test_what_is_written_is_read_back(value: dict[str, Any]) -> None:
    assert parse(dump(value), "t.yaml").value == value
