"""Reading files: every format gives the same rows, every broken file a place and a remedy."""

import csv
import json
import os
from pathlib import Path

import pandas as pd
import pytest

from synaug.corpus import Corpus, DataOptions, Part, load
from synaug.errors import Exit, SynaugError

TEXTS = ["a first, text", 'a "quoted" text', "NA", "null", "None", "naïve café", "two\nlines", "eighth"]
LABELS = ["1", "0", "1", "0", "1", "0", "1", "0"]


def write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(path: Path | str, options: DataOptions | None = None) -> SynaugError:
    with pytest.raises(SynaugError) as caught:
        load(path, options or DataOptions())
    return caught.value


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"text": TEXTS, "label": LABELS})


def rows(corpus: Corpus) -> list[tuple[str, str]]:
    return [(text, corpus.classes[code]) for text, code in zip(corpus.texts, corpus.labels, strict=True)]


def test_all_formats_give_the_same_rows_and_digest(tmp_path: Path, frame: pd.DataFrame) -> None:
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "b.tsv", index=False, sep="\t", quoting=csv.QUOTE_ALL)
    frame.to_parquet(tmp_path / "c.parquet")
    frame.to_json(tmp_path / "d.jsonl", orient="records", lines=True)
    frame.astype({"label": int}).to_parquet(tmp_path / "e.parquet")
    frame.to_csv(tmp_path / "f.csv", index=False, encoding="utf-8-sig")
    corpora = [load(path) for path in sorted(tmp_path.iterdir())] + [load(frame)]
    assert len(corpora) == 7
    for corpus in corpora:
        assert rows(corpus) == list(zip(TEXTS, LABELS, strict=True))
    assert len({corpus.digest for corpus in corpora}) == 1


def test_digest_depends_on_text_label_part_and_order(tmp_path: Path, frame: pd.DataFrame) -> None:
    other_text = frame.assign(text=["another", *TEXTS[1:]])
    other_label = frame.assign(label=["0", *LABELS[1:]])
    (tmp_path / "folder").mkdir()
    frame.iloc[:6].to_csv(tmp_path / "folder" / "train.csv", index=False)
    frame.iloc[6:].to_csv(tmp_path / "folder" / "test.csv", index=False)
    corpora = [load(f) for f in (frame, other_text, other_label, frame.iloc[::-1])] + [
        load(tmp_path / "folder")
    ]
    assert len({corpus.digest for corpus in corpora}) == 5


def test_folder_gives_parts_in_order(tmp_path: Path, frame: pd.DataFrame) -> None:
    frame.iloc[4:6].to_csv(tmp_path / "dev.csv", index=False)
    frame.iloc[6:].to_parquet(tmp_path / "test.parquet")
    frame.iloc[:4].to_json(tmp_path / "train.jsonl", orient="records", lines=True)
    corpus = load(tmp_path)
    assert list(corpus.texts) == TEXTS
    assert corpus.part.tolist() == [0, 0, 0, 0, 1, 1, 2, 2]
    assert corpus.rows(Part.DEV).tolist() == [4, 5]
    assert corpus.rows(Part.TRAIN, Part.TEST).tolist() == [0, 1, 2, 3, 6, 7]
    assert corpus.name == tmp_path.name.lower()


def test_arrays_are_read_only(frame: pd.DataFrame) -> None:
    corpus = load(frame)
    with pytest.raises(ValueError, match="read-only"):
        corpus.labels[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        corpus.part[0] = 1


def test_other_columns_and_encoding(tmp_path: Path) -> None:
    content = "Satz;\tArt\nschön;\tgut\nschlecht;\tböse\nfein;\tgut\nübel;\tböse\n"
    path = write(tmp_path, "german.tsv", content.encode("latin-1"))
    corpus = load(path, DataOptions(text_col="Satz;", label_col="Art", encoding="latin-1"))
    assert corpus.classes == ("böse", "gut")


def test_missing_file_names_the_absolute_path_and_the_closest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "mails.csv", "text,label\n")
    monkeypatch.chdir(tmp_path)
    error = refused("mail.csv")
    assert error.exit == Exit.DATA
    assert "mail.csv" in error.problems[0].message
    assert "did you mean 'mails.csv'?" in error.problems[0].message
    assert error.problems[0].where == str(tmp_path / "mail.csv")
    assert "did you mean 'builtin'?" in str(refused("bultin"))
    assert "did you mean 'mails.csv'?" not in str(refused("far/away/x.parquet"))


def test_missing_columns_are_all_named(tmp_path: Path) -> None:
    error = refused(write(tmp_path, "a.csv", "texts,lable\nx,1\n"))
    assert [p.message for p in error.problems] == [
        "no column 'text' (did you mean 'texts'?)",
        "no column 'label' (did you mean 'lable'?)",
    ]
    assert "texts, lable" in str(error.problems[0].fix)
    assert "separated by ';'" in str(refused(write(tmp_path, "b.csv", "text;label\nx;1\n")))
    assert "no column 'label'" in str(refused(write(tmp_path, "c.jsonl", '{"text": "x"}\n')))
    assert "2 columns named 'text'" in str(refused(write(tmp_path, "d.csv", "text,text,label\nx,y,1\n")))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "latin.csv",
            "text,label\nfine,1\ncaf\xe9,0\n".encode("latin-1"),
            ["offset 21", "line 3", "latin-1"],
        ),
        ("windows.csv", b"text,label\nit\x92s,1\n", ["0x92", "line 2", "cp1252"]),
        ("wide.csv", "text,label\nx,1\n".encode("utf-16"), ["offset 0", "line 1", "utf-16"]),
        ("quote.csv", 'text,label\nfine,1\n"open,0\nmore,1\n', ["csv", "never closed", "line 3", "twice"]),
        ("quote.tsv", 'text\tlabel\n"a"b\t1\n', ["tsv", "line 2"]),
        ("ragged.csv", "text,label\na,1\nb,c,0\n\nd\n", ["2 rows", "header's 2", "lines 3, 5"]),
        ("empty.csv", "", ["csv file is empty"]),
        ("empty.jsonl", "", ["jsonl file is empty"]),
        ("blank.csv", "\n\n", ["no header"]),
        ("header.csv", "text,label\n", ["no training rows"]),
        ("bad.parquet", b"PAR1 but not really", ["not a parquet file"]),
        ("bad.jsonl", '{"text": "a", "label": 1}\n{"text": "b" "label": 1}\n3\n', ["jsonl", "lines 2, 3"]),
        ("list.jsonl", '{"text": "a", "label": [1]}\n', ["column 'label'", "got list"]),
        ("data.xlsx", "x", ["unknown format '.xlsx'", ".parquet"]),
    ],
)
def test_broken_files(tmp_path: Path, name: str, content: bytes | str, expected: list[str]) -> None:
    error = refused(write(tmp_path, name, content))
    assert error.exit == Exit.DATA
    for words in (*expected, name):
        assert words in str(error)


def test_unknown_encoding(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,label\nx,1\n")
    assert "unknown encoding 'utf-99'" in str(refused(path, DataOptions(encoding="utf-99")))


def test_line_of_a_fault_counts_line_breaks_inside_quotes(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'text,label\n"two\nlines",1\n"open,0\n')
    assert "line 4" in str(refused(path))


def test_folder_collects_the_problems_of_all_files(tmp_path: Path) -> None:
    write(tmp_path, "train.csv", "text\nx\n")
    write(tmp_path, "test.jsonl", "nonsense\n")
    error = refused(tmp_path)
    assert len(error.problems) == 2
    assert "train.csv" in str(error)
    assert "test.jsonl, line 1" in str(error)


def test_folder_without_or_with_two_training_files(tmp_path: Path) -> None:
    write(tmp_path, "notes.md", "x")
    assert "no training file, found notes.md" in str(refused(tmp_path))
    write(tmp_path, "train.csv", "text,label\n")
    write(tmp_path, "train.tsv", "text\tlabel\n")
    assert "several files for train: train.csv, train.tsv" in str(refused(tmp_path))


def test_link_out_of_the_folder_is_refused(tmp_path: Path, frame: pd.DataFrame) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    frame.to_csv(outside / "real.csv", index=False)
    (inside / "train.csv").symlink_to(outside / "real.csv")
    for path in (inside, inside / "train.csv"):
        error = refused(path)
        assert error.exit == Exit.INTEGRITY
        assert str(outside / "real.csv") in str(error.problems[0].fix)
    frame.to_csv(inside / "kept.csv", index=False)
    (inside / "link.csv").symlink_to("kept.csv")
    assert len(load(inside / "link.csv").texts) == len(TEXTS)


@pytest.mark.parametrize("name", ["data.pkl", "data.pt", "data.npy"])
def test_files_that_run_code_are_refused(tmp_path: Path, name: str) -> None:
    assert refused(write(tmp_path, name, b"\x80\x04.")).exit == Exit.INTEGRITY


def test_pipes_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert "not a regular file" in str(refused(tmp_path / "pipe.csv"))


def test_missing_cells_of_every_kind(tmp_path: Path) -> None:
    texts = ["a", None, float("nan"), pd.NA, "e", "f"]
    frame = pd.DataFrame({"text": pd.Series(texts, dtype=object), "label": list("010101")})
    error = refused_frame(frame)
    assert error.problems[0].message == "missing texts: 3"
    assert "rows 2, 3, 4" in str(error.problems[0].where)
    lines = [json.dumps({"text": text, "label": "x"}) for text in ("a", None)] + ['{"label": "y"}']
    error = refused(write(tmp_path, "a.jsonl", "\n".join(lines)))
    assert "rows 2, 3" in str(error.problems[0].where)


def refused_frame(frame: pd.DataFrame) -> SynaugError:
    with pytest.raises(SynaugError) as caught:
        load(frame)
    return caught.value


def test_options_name_all_their_problems() -> None:
    with pytest.raises(SynaugError) as caught:
        DataOptions(text_col="a", label_col="a", min_class_count=0)
    assert caught.value.exit == Exit.SPEC
    assert len(caught.value.problems) == 2
