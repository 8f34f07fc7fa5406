"""Several encoders in a spec: short forms, names, what is refused, cells, and what stays as it was."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeps.entry import Entry
from sweeps.plan import cell_of, planned, planned_cells, protocol, trial_key
from sweeps.spec import Spec, diff_fields, load_spec
from synaug.errors import Exit, SynaugError

FOUR = ["minilm", {"pooling": "cls"}, {"normalize": False, "pooling": "cls"}, {"max_length": 64}]


def spec(**fields: Any) -> Spec:
    return load_spec({"name": "s", "arms": ["none", "smote"], "space": {"ratio": [50, 100]}, **fields})


def refused(**fields: Any) -> SynaugError:
    with pytest.raises(SynaugError) as caught:
        spec(**fields)
    assert caught.value.exit is Exit.SPEC
    return caught.value


def test_what_one_encoder_always_meant_stays_as_it_was() -> None:
    plain = spec()
    assert not {"encoders", "encoder_design"} & set(plain.hashed())
    assert not {"vector_col", "vector_file"} & set(plain.hashed()["data"])
    assert "vector_col" not in plain.to_yaml()
    alone = spec(encoders=[{"pooling": "cls"}])
    assert alone == spec(encoder={"pooling": "cls"})
    assert alone.encoders == ()
    assert spec().hash == spec(encoders=[]).hash


def test_names_say_what_is_not_as_usual(tmp_path: Path) -> None:
    assert spec(encoders=FOUR).encoder_names == ("minilm", "minilm/cls", "minilm/cls/raw", "minilm/64")
    shared = spec(encoder={"max_length": 64}, encoders=["minilm", {"pooling": "cls"}])
    assert shared.encoder_names == ("minilm", "minilm/cls")
    assert spec(encoders=[{"pooling": "cls"}, {"pooling": "mean"}]).encoder_names == ("minilm/cls", "minilm")
    folders = [tmp_path / name / "bert" for name in "ab"]
    for folder in folders:
        folder.mkdir(parents=True)
    twins = spec(encoders=[str(folder) for folder in folders])
    assert twins.encoder_names == ("bert#1", "bert#2")


def test_an_entry_takes_the_rest_from_encoder_and_loads_again_as_it_is() -> None:
    made = spec(encoder={"max_length": 64, "dtype": "float32"}, encoders=["minilm", {"pooling": "cls"}])
    assert [(e.max_length, e.dtype, e.pooling) for e in made.encoders] == [
        (64, "float32", "mean"),
        (64, "float32", "cls"),
    ]
    assert made.encoder == made.encoders[0]
    again = load_spec(yaml.safe_load(made.to_yaml()))
    assert again == made
    assert again.hash == made.hash


def test_own_vectors_are_left_as_they_are_and_take_no_settings_of_a_text_model() -> None:
    data = {"source": "x.parquet", "vector_col": "v"}
    assert spec(data=data, encoder={"model": "vectors"}).encoder.normalize is False
    assert spec(data=data, encoder={"model": "vectors", "normalize": True}).encoder.normalize is True
    both = spec(data=data, encoder={"max_length": 64}, encoders=["minilm", "vectors"])
    assert both.encoder_names == ("minilm", "vectors")
    assert both.encoders[1].max_length == 128
    assert load_spec(yaml.safe_load(both.to_yaml())) == both
    text = str(refused(encoder={"model": "vectors", "pooling": "cls"}))
    assert "encoder.model: 'vectors' are those of the data, which name none" in text
    assert "encoder.pooling: expected none for vectors" in text
    assert "data.vector_col: no encoder of the sweep takes these vectors" in str(refused(data=data))


def test_bad_entries_are_named_by_their_place() -> None:
    text = str(refused(encoders=["minilm", {"poling": 3}, {"pooling": "max"}, 5]))
    assert "encoders[1].poling: unknown field (did you mean 'pooling'?)" in text
    assert "encoders[2].pooling: expected one of 'mean' or 'cls', got 'max'" in text
    assert "encoders[3]: expected a mapping, got 5" in text
    assert "encoders: expected each encoder once" in str(refused(encoders=["minilm", {}]))
    assert "encoders: expected a list, got 5" in str(refused(encoders=5))
    assert "encoder_design: expected one of" in str(refused(encoders=FOUR, encoder_design="some"))


def test_the_design_is_crossed_with_the_encoders_or_every_default_is() -> None:
    alone = Counter(cell.stage for cell in planned_cells(spec()))
    wide = planned_cells(spec(encoders=FOUR, classifiers=["mlp", "knn"]))
    counts = Counter((cell.encoder, cell.classifier) for cell in wide if cell.stage == "design")
    names = ("", "minilm/cls", "minilm/cls/raw", "minilm/64")
    assert counts == {(name, which): alone["design"] for name in names for which in ("mlp", "knn")}
    assert {cell.encoder for cell in wide if cell.stage != "design"} == {""}
    thin = [c for c in planned_cells(spec(encoders=FOUR, encoder_design="defaults")) if c.stage == "design"]
    assert Counter(cell.encoder for cell in thin) == {"": alone["design"]} | dict.fromkeys(names[1:], 2)
    assert [cell.number for cell in wide] == list(range(len(wide)))


def test_cells_of_the_first_encoder_keep_their_keys_and_others_have_their_own() -> None:
    one, many = spec(), spec(encoders=FOUR)

    def keys(of: Spec) -> dict[str, str]:
        digests = {name: f"{number}" * 64 for number, name in enumerate(of.encoder_names)}
        found = {}
        for cell in planned_cells(of):
            config = cell.config(of, "d", of.encoder_names[0])
            assert cell_of(config, cell.stage, cell.number, of.other_encoders) == cell
            name = Entry(cell, "", config).label
            found[name] = trial_key(config, "d" * 64, digests[str(config["encoder"])], protocol(of), 3)
        return found

    first, every = keys(one), keys(many)
    assert first.items() <= every.items()
    assert len(set(every.values())) == len(every)
    assert "minilm/cls: smote ratio=50" in {name.replace(" k=5", "") for name in every}
    assert [planned(cell).get("encoder") for cell in planned_cells(one)] == [None] * len(first)
    assert set(diff_fields(one, many)) == {"encoders", "encoder_design"}
