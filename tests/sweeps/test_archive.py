"""A sweep as one file: whole, checked, brought back; and a removal that may be cut off at any moment."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sweeps import archive, putting_away
from sweeps.archive import MANIFEST, pack, restore, verify
from sweeps.ledger import Ledger, read
from sweeps.ledger_state import state
from sweeps.places import Places, places
from sweeps.putting_away import put_away, sweep_up
from sweeps.removal import FILE as MARK
from sweeps.removal import Removal
from sweeps.resend import resend
from sweeps.standing import disagreements
from sweeps.storage import study_records
from sweeps.studies import StudyProjection, study_cells
from synaug.errors import Exit, SynaugError
from tracking import find_experiment, open_client

QUIET = Console(quiet=True)


def project(where: Places) -> None:
    """Make studies and runs from the ledger, as ``rebuild-study`` and ``sync`` do."""
    projection = StudyProjection(where.storage, "tiny")
    assert projection.rebuild(study_cells(state(read(where.ledger).lines).cells))
    projection.close()
    assert resend(where, QUIET)[1] == []


@pytest.fixture(scope="module")
def base(finished: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished sweep, its own Optuna storage and its own MLflow store."""
    runs = tmp_path_factory.mktemp("archive") / "runs"
    out = Path(shutil.copytree(finished.out, runs / "tiny"))
    (out / "logs").mkdir(exist_ok=True)
    (out / "logs" / "0123456789abcdef.txt").write_text("a trace\n")
    project(places(out, environment={}))
    return runs


@pytest.fixture
def where(base: Path, tmp_path: Path) -> Places:
    """The same in a copy for one test; MLflow's artifacts stay where they were."""
    ignored = shutil.ignore_patterns("mlartifacts")
    return places(Path(shutil.copytree(base, tmp_path / "runs", ignore=ignored)) / "tiny", environment={})


def file_of(where: Places) -> Path:
    return where.out.parent / "tiny.tar.gz"


def contents(folder: Path) -> dict[str, bytes]:
    passing = ("ledger.lock", "ledger.holder.json", MARK)
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in passing)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def members(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]


def is_gone(where: Places) -> bool:
    """Whether nothing of the sweep is left on disk, in Optuna and in MLflow."""
    there = [path.name for path in where.out.parent.iterdir() if "tiny" in path.name]
    experiment = find_experiment(where.tracking_uri, "tiny")
    return (there, study_records(where.storage, "tiny"), experiment) == (["tiny.tar.gz"], [], None)


def test_an_archive_holds_everything_with_its_sha256(where: Places) -> None:
    before = contents(where.out)
    file, manifest = put_away(where, file_of(where), remove=False)
    assert contents(where.out) == before
    assert not list(where.out.parent.glob(".*"))
    found = members(file)
    stated = json.loads(found.pop(MANIFEST))
    assert stated["files"] == {name: hashlib.sha256(raw).hexdigest() for name, raw in found.items()}
    assert {n.removeprefix("sweep/"): raw for n, raw in found.items() if n.startswith("sweep/")} == before
    assert set(before) >= {"ledger.jsonl", "spec.yaml", "plan.jsonl", "logs/0123456789abcdef.txt"}
    cells = state(read(where.ledger).lines).cells
    studies = json.loads(found["optuna.json"])
    keys = [trial["user_attrs"]["trial_key"] for study in studies for trial in study["trials"]]
    assert sorted(keys) == sorted(cells)
    runs = [json.loads(line) for line in found["mlflow.jsonl"].splitlines()]
    assert sorted(run["data"]["tags"]["trial_key"] for run in runs) == sorted([*cells, "parent"])
    tables = [name for name in found if name.endswith("/tables.json")]
    assert len(tables) == sum(line["status"] == "ok" for line in cells.values())
    assert (manifest.runs, manifest.trials) == (len(cells) + 1, len(cells))
    assert oct(file.stat().st_mode)[-3:] == "600"


def test_a_removed_sweep_comes_back_whole(where: Places) -> None:
    before = contents(where.out)
    file, _ = put_away(where, file_of(where), remove=True)
    assert is_gone(where)
    restore(file, where.out)
    assert contents(where.out) == before
    project(where)
    assert disagreements(where, "tiny", read(where.ledger).lines) == []


class Killed(BaseException):
    """Stands for the end of the process."""


STEPS = {
    "while_the_archive_is_read_back": (archive, "verify"),
    "before_the_archive_has_its_name": (archive.os, "replace"),
    "before_the_mark": (Removal, "write"),
    "before_mlflow": (putting_away, "remove_experiment"),
    "before_optuna": (putting_away, "delete_studies"),
    "before_the_folder": (putting_away, "_aside"),
    "in_the_folder": (putting_away.shutil, "rmtree"),
}


@pytest.mark.parametrize("after", [False, True], ids=["", "and_just_after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_removal_that_is_cut_off_loses_nothing_and_can_be_finished(
    step: str, after: bool, where: Places, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before, file, (place, name) = contents(where.out), file_of(where), STEPS[step]
    original = getattr(place, name)

    def cut(*arguments: Any, **options: Any) -> None:
        if after and not (name == "replace" and file.exists()):
            original(*arguments, **options)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(place, name, cut)
        with pytest.raises(Killed):
            put_away(where, file, remove=True)
    if where.out.exists():
        assert contents(where.out) == before
    else:
        verify(file)
    if not sweep_up(where.out) and where.out.exists():
        put_away(where, file, remove=True)
    assert is_gone(where)
    restored = tmp_path / "again" / "tiny"
    restore(file, restored)
    assert contents(restored) == before


@pytest.fixture
def begun(where: Places, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A sweep whose removal was cut off when MLflow had let go of it."""
    with monkeypatch.context() as patch:
        patch.setattr(putting_away, "delete_studies", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            put_away(where, file_of(where), remove=True)
    return where


def test_while_a_removal_goes_on_nobody_writes_and_it_can_be_called_off(begun: Places) -> None:
    assert find_experiment(begun.tracking_uri, "tiny") is None
    for attempt in (lambda: Ledger(begun.out, "tiny"), lambda: put_away(begun, file_of(begun), remove=False)):
        with pytest.raises(SynaugError, match=r"the removal of .*tiny has begun") as refused:
            attempt()  # type: ignore[no-untyped-call]
        assert refused.value.exit is Exit.CONFLICT
    (begun.out / MARK).unlink()
    project(begun)
    assert disagreements(begun, "tiny", read(begun.ledger).lines) == []


def test_a_removal_goes_on_with_its_own_archive_only(begun: Places) -> None:
    file, lines = file_of(begun), contents(begun.out)
    stated = json.loads(members(file)[MANIFEST])
    rewrite(file, {**members(file), MANIFEST: json.dumps(stated | {"runs": 0}).encode()})
    with pytest.raises(SynaugError, match="another one than the removal began with") as refused:
        put_away(begun, file, remove=True)
    assert refused.value.exit is Exit.INTEGRITY
    assert contents(begun.out) == lines


def test_what_was_packed_before_is_removed_only_as_it_was(where: Places) -> None:
    file, _ = put_away(where, file_of(where), remove=False)
    with pytest.raises(SynaugError, match=r"tiny\.tar\.gz exists") as again:
        put_away(where, file, remove=False)
    assert again.value.exit is Exit.CONFLICT
    with Ledger(where.out, "tiny") as ledger:
        ledger.append("mlflow", {"trial_key": "parent", "run_id": "new"})
    with pytest.raises(SynaugError, match="does not hold the sweep as it is now") as changed:
        put_away(where, file, remove=True)
    assert changed.value.exit is Exit.CONFLICT
    assert where.out.exists()
    file.unlink()
    packed = put_away(where, file, remove=False)
    assert put_away(where, file, remove=True) == packed
    assert is_gone(where)


def test_nothing_is_removed_while_another_process_writes(where: Places) -> None:
    with Ledger(where.out, "tiny"), pytest.raises(SynaugError, match="is being written") as refused:
        put_away(where, file_of(where), remove=True)
    assert refused.value.exit is Exit.CONFLICT
    assert not file_of(where).exists()


def rewrite(file: Path, raws: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> None:
    with tarfile.open(file, "w:gz") as tar:
        for name, raw in raws.items():
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            tar.addfile(member, io.BytesIO(raw))
        if kind != tarfile.REGTYPE:
            link = tarfile.TarInfo("sweep/link")
            link.type, link.linkname = kind, "/etc/passwd"
            tar.addfile(link)


def cut_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def change(file: Path) -> None:
    rewrite(file, {**members(file), "sweep/ledger.jsonl": b"{}\n"})


def leave_out(file: Path) -> None:
    rewrite(file, {name: raw for name, raw in members(file).items() if name != "sweep/spec.yaml"})


def put_in(file: Path) -> None:
    rewrite(file, {**members(file), "../evil.txt": b"!"})


def put_link(file: Path) -> None:
    rewrite(file, members(file), tarfile.SYMTYPE)


def forget_manifest(file: Path) -> None:
    rewrite(file, {name: raw for name, raw in members(file).items() if name != MANIFEST})


@pytest.mark.parametrize("spoil", [cut_short, change, leave_out, put_in, put_link, forget_manifest])
def test_a_damaged_archive_is_not_restored(
    spoil: Callable[[Path], None], where: Places, tmp_path: Path
) -> None:
    file = file_of(where)
    pack(where, "tiny", file)
    spoil(file)
    with pytest.raises(SynaugError, match="the archive cannot be relied on") as refused:
        restore(file, tmp_path / "back" / "tiny")
    assert refused.value.exit is Exit.INTEGRITY
    assert not (tmp_path / "back").exists()
    assert not (tmp_path / "evil.txt").exists()


def test_a_sweep_comes_back_under_its_name_into_an_empty_place(where: Places, tmp_path: Path) -> None:
    file = file_of(where)
    pack(where, "tiny", file)
    for out, says, exit in (
        (where.out, "exists", Exit.CONFLICT),
        (tmp_path / "other", "the archive holds the sweep 'tiny'", Exit.USAGE),
    ):
        with pytest.raises(SynaugError, match=says) as refused:
            restore(file, out)
        assert refused.value.exit is exit


def test_places_that_will_not_do(where: Places, tmp_path: Path) -> None:
    for file in (where.out / "inside.tar.gz", tmp_path / "nowhere" / "tiny.tar.gz"):
        with pytest.raises(SynaugError) as refused:
            put_away(where, file, remove=True)
        assert refused.value.exit is Exit.USAGE
    (where.out / "link").symlink_to(tmp_path)
    with pytest.raises(SynaugError, match="a link cannot be archived") as link:
        put_away(where, file_of(where), remove=True)
    assert link.value.exit is Exit.INTEGRITY
    assert [path.name for path in where.out.parent.iterdir() if "tar" in path.name] == []


def test_deleted_runs_are_found_again_by_their_new_name(where: Places) -> None:
    experiment = find_experiment(where.tracking_uri, "tiny")
    assert experiment is not None
    put_away(where, file_of(where), remove=True)
    there = open_client(where.tracking_uri).get_experiment(experiment)
    assert there.lifecycle_stage == "deleted"
    assert there.name.startswith("tiny (archived ")
