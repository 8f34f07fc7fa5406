"""What a sweep goes on with."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.places import places
from sweeps.resume import resolve
from sweeps.spec import load_spec
from synaug.classifiers import precision
from synaug.errors import Exit, SynaugError


@pytest.mark.parametrize("fastest", ["float32", "bfloat16"])
def test_a_sweep_keeps_the_precision_it_began_with(
    fastest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, spec = places(tmp_path / "runs" / "mine", environment={}), load_spec({"name": "mine"})
    assert spec.precision == "auto"
    monkeypatch.setattr(precision, "fastest_precision", lambda: fastest)
    begun = resolve(spec, where, None)
    assert begun.precision == fastest

    where.out.mkdir(parents=True)
    where.spec.write_text(begun.to_yaml())
    other = "float32" if fastest == "bfloat16" else "bfloat16"
    monkeypatch.setattr(precision, "fastest_precision", lambda: other)  # goes on on another machine
    assert resolve(spec, where, None) == begun
    with pytest.raises(SynaugError, match="precision") as refused:
        resolve(load_spec({"name": "mine", "precision": other}), where, None)
    assert refused.value.exit == Exit.CONFLICT
