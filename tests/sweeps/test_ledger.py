"""The ledger: what is written is read back; torn tails, corruption, two writers, a full disk."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from typing import Any

import pytest

from sweeps.canonical import canonical_json, crc32
from sweeps.ledger import Ledger, read
from synaug.errors import Exit, SynaugError

ROOT = Path(__file__).parents[2]


def write(out: Path, count: int) -> Path:
    with Ledger(out, "t") as ledger:
        for number in range(count):
            ledger.append("start", {"trial_key": f"{number:016x}", "text": "ä"})
    return out / "ledger.jsonl"


def test_lines_come_back(tmp_path: Path) -> None:
    with Ledger(tmp_path / "runs" / "t", "t") as ledger:
        line = ledger.append("start", {"trial_key": "a", "numbers": (1, 2.5)})
    reading = read(tmp_path / "runs" / "t" / "ledger.jsonl")
    assert reading.lines == (line,)
    assert reading.torn == 0
    assert (line["schema"], line["kind"], line["sweep"]) == (1, "start", "t")
    assert line["at"].endswith("Z")
    assert line["numbers"] == [1, 2.5]


def test_crc_is_that_of_the_canonical_json(tmp_path: Path) -> None:
    line = json.loads(write(tmp_path, 1).read_text())
    crc = line.pop("crc")
    text = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert crc == f"{zlib.crc32(text.encode()):08x}"


def test_a_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "ledger.jsonl").lines == ()
    assert list(tmp_path.iterdir()) == []


def test_owner_only(tmp_path: Path) -> None:
    path = write(tmp_path / "new", 1)
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (path.parent, path)]
    assert modes == [0o700, 0o600]


@pytest.mark.parametrize("tail", [b'{"kind":"start"', b"\xff\xfe", b'{"schema":1,"text":"\xc3'])
def test_torn_tail_is_dropped_and_counted(tmp_path: Path, tail: bytes) -> None:
    path = write(tmp_path, 2)
    with path.open("ab") as file:
        file.write(tail)
    assert (len(read(path).lines), read(path).torn) == (2, len(tail))
    assert (len(read(path, strict=False).lines), read(path, strict=False).torn) == (2, len(tail))
    with Ledger(tmp_path, "t") as ledger:
        assert ledger.reading.torn == len(tail)
        ledger.append("start", {"trial_key": "z"})
    assert [line["trial_key"] for line in read(path).lines] == [f"{0:016x}", f"{1:016x}", "z"]


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_every_cut_of_the_last_line(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path, 2)
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    expected = 2 if cut == 1 else 1  # only the newline is missing: the line is whole
    assert len(read(path).lines) == expected
    with Ledger(tmp_path, "t") as ledger:
        ledger.append("start", {"trial_key": "z"})
    assert len(read(path).lines) == expected + 1


def damaged(path: Path, number: int) -> bytes:
    """Flip a byte in a line, counted from 1."""
    lines = path.read_bytes().splitlines(keepends=True)
    place = lines[number - 1].index(b"trial_key") + 13
    lines[number - 1] = lines[number - 1][:place] + b"9" + lines[number - 1][place + 1 :]
    data = b"".join(lines)
    path.write_bytes(data)
    return data


def test_bad_line_in_the_middle_is_refused_and_kept(tmp_path: Path) -> None:
    path = write(tmp_path, 5)
    data = damaged(path, 3)
    for _ in range(2):  # the same damage is kept once
        with pytest.raises(SynaugError, match="line 3 cannot be relied on: its crc") as caught:
            Ledger(tmp_path, "t")
        assert caught.value.exit is Exit.INTEGRITY
    assert [p.name for p in tmp_path.glob("*.bad-*")] == ["ledger.jsonl.bad-1"]
    assert (tmp_path / "ledger.jsonl.bad-1").read_bytes() == data == path.read_bytes()
    damaged(path, 2)
    with pytest.raises(SynaugError, match="line 2"):
        read(path)
    assert (tmp_path / "ledger.jsonl.bad-2").exists()


def test_a_whole_last_line_that_is_wrong_is_no_torn_tail(tmp_path: Path) -> None:
    path = write(tmp_path, 3)
    damaged(path, 3)
    with pytest.raises(SynaugError, match="line 3"):
        read(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "schema 2"),
        ({"kind": "other"}, "kind 'other'"),
    ],
)
def test_lines_of_another_version(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = write(tmp_path, 1)
    body = {k: v for k, v in json.loads(path.read_text()).items() if k != "crc"} | change
    path.write_text(canonical_json({**body, "crc": crc32(body)}) + "\n")
    with pytest.raises(SynaugError, match=message):
        read(path)


def test_hand_made_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"kind": "result", "x": 1}\n\n{"kind": "result", "crc": "…"}\n')
    assert len(read(path, strict=False).lines) == 2
    with pytest.raises(SynaugError, match="line 1 cannot be relied on: it has no crc"):
        read(path)
    path.write_text('{"x": 1}\nnonsense\n{"x": 2}\n')
    before = set(tmp_path.iterdir())
    with pytest.raises(SynaugError, match="line 2 cannot be relied on: not JSON"):
        read(path, strict=False)
    assert set(tmp_path.iterdir()) == before


def test_second_writer_is_told_who_holds_it(tmp_path: Path) -> None:
    with Ledger(tmp_path, "t"), pytest.raises(SynaugError) as caught:
        Ledger(tmp_path, "t")
    assert caught.value.exit is Exit.CONFLICT
    assert f"pid {os.getpid()}, since " in str(caught.value)
    with Ledger(tmp_path, "t") as ledger:
        assert ledger.reading.lines == ()


def test_a_killed_writer_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib\n"
        "from sweeps.ledger import Ledger\n"
        "ledger = Ledger(pathlib.Path(sys.argv[1]), 't')\n"
        "ledger.append('start', {'trial_key': 'a'})\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(SynaugError, match=f"pid {process.pid}"):
            Ledger(tmp_path, "t")
        process.kill()
    with Ledger(tmp_path, "t") as ledger:
        assert [line["trial_key"] for line in ledger.reading.lines] == ["a"]


def test_threads_do_not_mix_lines(tmp_path: Path) -> None:
    with Ledger(tmp_path, "t") as ledger:
        threads = [
            threading.Thread(
                target=lambda n=n: [ledger.append("start", {"trial_key": f"{n}-{i}"}) for i in range(20)]
            )
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    keys = [line["trial_key"] for line in read(tmp_path / "ledger.jsonl").lines]
    assert sorted(keys) == sorted(f"{n}-{i}" for n in range(4) for i in range(20))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_full_disk_leaves_no_part_of_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    real = os.write
    written: list[int] = []

    def half(file: int, data: bytes) -> int:
        if written:
            raise OSError(code, os.strerror(code))
        written.append(real(file, bytes(data)[:10]))
        return written[0]

    with Ledger(tmp_path, "t") as ledger:
        ledger.append("start", {"trial_key": "a"})
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", half)
            with pytest.raises(SynaugError, match=os.strerror(code)) as caught:
                ledger.append("start", {"trial_key": "b"})
        assert caught.value.exit is Exit.RESOURCES
        ledger.append("start", {"trial_key": "c"})
    assert [line["trial_key"] for line in read(tmp_path / "ledger.jsonl").lines] == ["a", "c"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SynaugError) as caught:
        Ledger(tmp_path / "file" / "out", "t")
    assert caught.value.exit is Exit.RESOURCES


def test_numbers_that_json_has_not_are_our_mistake(tmp_path: Path) -> None:
    with Ledger(tmp_path, "t") as ledger, pytest.raises(ValueError, match="JSON compliant"):
        ledger.append("result", {"value": float("nan")})
    assert read(tmp_path / "ledger.jsonl").lines == ()
