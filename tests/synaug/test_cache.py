"""The cache of embeddings: exact, atomic, checked on reading, and never a pickle."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from synaug.cache import EmbeddingCache
from synaug.errors import Exit, SynaugError

KEY = "0123456789abcdef"
ARRAY = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def cache(tmp_path: Path) -> EmbeddingCache:
    cache = EmbeddingCache(tmp_path / "deep" / "folder")
    cache.put(KEY, ARRAY)
    return cache


def test_what_is_put_comes_back_read_only(cache: EmbeddingCache) -> None:
    found = cache.get(KEY)
    assert found is not None
    assert isinstance(found, np.memmap)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, ARRAY)
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 0
    assert cache.get("f" * 64) is None


def test_the_folder_is_private_and_holds_nothing_else(cache: EmbeddingCache) -> None:
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in cache.folder.iterdir()) == [f"{KEY}.json", f"{KEY}.npy"]


def test_putting_again_replaces(cache: EmbeddingCache) -> None:
    cache.put(KEY, ARRAY + 1)
    np.testing.assert_array_equal(cache.get(KEY), ARRAY + 1)


def test_the_folder_is_taken_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNAUG_CACHE", str(tmp_path))
    assert EmbeddingCache().folder == tmp_path / "embeddings"


def damage_bytes(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


def other_shape(path: Path) -> None:
    sidecar = path.with_suffix(".json")
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | {"shape": [3, 4]}))


@pytest.mark.parametrize(
    "damage",
    [
        damage_bytes,
        other_shape,
        lambda path: path.write_bytes(path.read_bytes()[:100]),
        lambda path: path.write_bytes(b""),
        lambda path: path.with_suffix(".json").write_text("{"),
        lambda path: path.with_suffix(".json").write_text("[]"),
    ],
    ids=["flipped bit", "wrong shape", "truncated", "empty", "torn sidecar", "strange sidecar"],
)
def test_damaged_files_are_set_aside(
    cache: EmbeddingCache, damage: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    damage(cache.folder / f"{KEY}.npy")
    assert cache.get(KEY) is None
    assert "set aside as *.bad" in caplog.text
    assert sorted(path.name for path in cache.folder.iterdir()) == [f"{KEY}.json.bad", f"{KEY}.npy.bad"]
    cache.put(KEY, ARRAY)
    np.testing.assert_array_equal(cache.get(KEY), ARRAY)


class Trap:
    """Leaves a trace when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("PWNED",)


@pytest.mark.parametrize("kind", ["pickle", "object array", "archive"])
def test_pickles_are_refused_and_not_run(
    cache: EmbeddingCache, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = cache.folder / f"{KEY}.npy"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Trap()))
    elif kind == "object array":
        with path.open("wb") as file:
            np.lib.format.write_array(file, np.array([Trap()], dtype=object), allow_pickle=True)
    else:
        path.write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(SynaugError, match="a pickle where an array") as caught:
        cache.get(KEY)
    assert caught.value.exit == Exit.INTEGRITY
    assert not (tmp_path / "PWNED").exists()


def test_a_failing_write_leaves_nothing(cache: EmbeddingCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("synaug.cache.os.fsync", full)
    with pytest.raises(SynaugError, match="No space left on device") as caught:
        cache.put("f" * 16, ARRAY)
    assert caught.value.exit == Exit.RESOURCES
    assert len(list(cache.folder.iterdir())) == 2


def test_an_array_without_its_sidecar_is_absent(cache: EmbeddingCache) -> None:
    (cache.folder / f"{KEY}.json").unlink()
    assert cache.get(KEY) is None


def test_an_array_that_is_deleted_while_it_is_looked_for_is_absent(
    cache: EmbeddingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deleted(*_: object) -> None:
        for path in cache.folder.iterdir():
            path.unlink()
        raise ValueError("its checksum differs")

    monkeypatch.setattr("synaug.cache._read", deleted)
    assert cache.get(KEY) is None
    monkeypatch.undo()
    (cache.folder / f"{KEY}.json").write_text("{}")
    assert cache.get(KEY) is None


def test_touching_gives_the_present_time(cache: EmbeddingCache) -> None:
    for path in cache.folder.iterdir():
        os.utime(path, (1, 1))
    cache.touch(KEY)
    cache.touch("f" * 16)
    assert all(path.stat().st_mtime > 1e9 for path in cache.folder.iterdir())
    assert len(list(cache.folder.iterdir())) == 2


@pytest.mark.parametrize("place", ["a file", "a file/below", "/proc/x"])
def test_a_folder_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "a file").write_text("")
    with pytest.raises(SynaugError, match="the cache cannot be written") as caught:
        EmbeddingCache(tmp_path / place)
    assert caught.value.exit == Exit.RESOURCES


def test_keys_are_hexadecimal(cache: EmbeddingCache) -> None:
    with pytest.raises(AssertionError):
        cache.get("../" + KEY)
