"""Data sets of the hub: addresses, splits and columns, the cache, and no hub at all."""

import time
from pathlib import Path

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value, load_dataset

from synaug.corpus import DataOptions, Part, load
from synaug.corpus.hub import HubName, tables_of
from synaug.errors import Exit, SynaugError

FEATURES = Features({"sentence": Value("string"), "label": ClassLabel(names=["neg", "pos"])})


def split(texts: list[str], codes: list[int]) -> Dataset:
    return Dataset.from_dict({"sentence": texts, "label": codes}, features=FEATURES)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("hf://imdb", HubName("imdb")),
        ("hf://stanfordnlp/sst2:default@abc123", HubName("stanfordnlp/sst2", "default", "abc123")),
        ("hf://glue@v1:sst2", HubName("glue", "sst2", "v1")),
    ],
)
def test_addresses(source: str, name: HubName) -> None:
    assert HubName.parse(source) == name


@pytest.mark.parametrize("source", ["hf://", "hf://a/b/c", "hf://../x", "hf://a:b:c", "hf://a@"])
def test_bad_addresses(source: str) -> None:
    with pytest.raises(SynaugError, match="not the address of a data set") as caught:
        load(source)
    assert caught.value.exit == (Exit.SPEC if ".." in source else Exit.DATA)


def test_splits_become_parts_and_codes_become_names() -> None:
    splits = DatasetDict(
        test=split(["d"], [-1]),
        train=split(["a", "b"], [0, 1]),
        validation=split(["c"], [1]),
        extra=split(["e"], [0]),
    )
    train, dev, test = tables_of(splits, "hf://x", DataOptions())
    assert (train.part, train.texts, train.labels) == (Part.TRAIN, ["a", "b"], ["neg", "pos"])
    assert (dev.part, dev.texts, dev.labels) == (Part.DEV, ["c"], ["pos"])
    assert (test.part, test.texts, test.labels) == (Part.TEST, ["d"], [None])


def test_missing_split_and_columns_are_named() -> None:
    with pytest.raises(SynaugError, match="splits found: test"):
        tables_of({"test": split(["a"], [0])}, "hf://x", DataOptions())
    with pytest.raises(SynaugError, match="no column 'body'") as caught:
        tables_of({"train": split(["a"], [0])}, "hf://x", DataOptions(text_col="body", label_col="kind"))
    assert [p.message for p in caught.value.problems] == ["no column 'body'", "no column 'kind'"]
    assert "sentence, label" in str(caught.value)


def test_without_a_hub_the_error_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    start = time.monotonic()
    with pytest.raises(SynaugError, match="does not answer") as caught:
        load("hf://no/ds:conf@rev")
    assert caught.value.exit == Exit.SERVICE
    assert "load_dataset('no/ds', 'conf', revision='rev')" in str(caught.value.problems[0].fix)
    assert time.monotonic() - start < 10  # the promise itself, not a benchmark


def test_without_a_hub_the_cache_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "file.jsonl"
    lines = [f'{{"text": "text {i}", "label": {i % 2}}}' for i in range(6)]
    source.write_text("\n".join(lines))
    load_dataset("json", data_files={"train": str(source)}, cache_dir=str(tmp_path / "made"))
    (made,) = (tmp_path / "made" / "json").glob("*/*/*/")
    copy = tmp_path / "cache" / "some___my_set" / "default" / "0.0.0" / "abc123"
    copy.parent.mkdir(parents=True)
    made.rename(copy)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    corpus = load("hf://some/MySet@abc123")
    assert corpus.texts == tuple(f"text {i}" for i in range(6))
    assert (corpus.name, corpus.source) == ("some-myset", "hf://some/MySet@abc123")
    with pytest.raises(SynaugError, match="cached of it: default@abc123") as caught:
        load("hf://some/MySet@another")
    assert caught.value.exit == Exit.SERVICE


def test_a_local_folder_does_not_stand_in_for_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "imdb").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SynaugError, match="hidden by a local file or folder"):
        load("hf://imdb")


def test_refusals_of_the_library_become_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets.exceptions import DatasetNotFoundError

    monkeypatch.setattr("synaug.corpus.hub.reachable", lambda: True)
    for error, code in ((DatasetNotFoundError("gone"), Exit.DATA), (ConnectionError("cut"), Exit.SERVICE)):

        def fail(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr("datasets.load_dataset", fail)
        with pytest.raises(SynaugError, match=str(error)) as caught:
            load("hf://some/set")
        assert caught.value.exit == code
