"""Removes an archived sweep: MLflow's runs, Optuna's studies and last its folder, whenever it is cut off."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from synaug.cache import file_sha256
from synaug.errors import Exit, Problem, SynaugError
from tracking import find_experiment
from tracking.dumping import remove_experiment, require_unregistered

from .archive import Manifest, Progress, holds, pack, sync_folder, verify
from .ledger import Ledger, now
from .places import Places
from .removal import Removal, refuse_half_removed
from .spec import load_spec
from .storage import delete_studies


def put_away(places: Places, file: Path, remove: bool, told: Progress | None = None) -> tuple[Path, Manifest]:
    """Pack a sweep and, if asked, remove it from disk, Optuna and MLflow; test and dev rows are not read.

    The order is safe against a kill at any moment: the archive is whole and verified before anything goes,
    a mark says which archive that is, the ledger goes last. The same call again finishes the rest.

    Args:
        places: where the sweep lies.
        file: the archive; must not exist, unless it holds what is to be removed.
        remove: also remove the sweep.
        told: takes runs done and runs in all.

    Returns:
        The archive and what it holds.

    Raises:
        SynaugError: see ``pack``; the archive exists, or another process writes the sweep (exit 7); it lies
            inside the sweep (exit 2).
        TrackingError: MLflow does not answer, or a registered model hangs on the runs.
    """
    out = places.out.absolute()
    removal = Removal.of(out)
    refuse_half_removed(out, unless=remove)
    name = load_spec(places.spec).name
    with Ledger(out, name, removing=True):
        if removal is None:
            _check_file(file.absolute(), out, remove)
            experiment_id = find_experiment(places.tracking_uri, name)
            if remove and experiment_id is not None:
                require_unregistered(places.tracking_uri, experiment_id)
            manifest = _packed_before(places, name, file) if remove and file.exists() else None
            manifest = manifest or pack(places, name, file, told)
            if not remove:
                return file, manifest
            renamed = f"{name} (archived {now()})"
            removal = Removal(str(file.absolute()), file_sha256(file), manifest.experiment_id, renamed)
            removal.write(out)
        manifest = _checked(removal)
        if removal.experiment_id is not None:
            remove_experiment(places.tracking_uri, removal.experiment_id, removal.renamed)
        delete_studies(places.storage, name)
        doomed = _aside(out)
        if doomed.is_dir():  # of an earlier sweep of this name
            shutil.rmtree(doomed)
        os.replace(out, doomed)  # from here on there is no such sweep
        sync_folder(out.parent)
    shutil.rmtree(doomed)
    return Path(removal.archive), manifest


def sweep_up(out: Path) -> bool:
    """Delete what a removal that was cut off at its very end has left; whether there was anything."""
    left = _aside(out.absolute())
    if out.exists() or not left.is_dir():
        return False
    shutil.rmtree(left)
    return True


def _aside(out: Path) -> Path:
    return out.with_name(f".{out.name}.removed")


def _check_file(file: Path, out: Path, remove: bool) -> None:
    if file.is_relative_to(out):
        raise SynaugError(Problem(f"the archive {file} would lie in the sweep's own folder", fix="--file"))
    if file.exists() and not remove:
        fix = "move it away, or name another with --file"
        raise SynaugError(Problem(f"{file} exists", fix=fix), Exit.CONFLICT)
    if not file.parent.is_dir():
        raise SynaugError(
            Problem(f"there is no folder {file.parent}", fix="make it, or name another: --file")
        )


def _packed_before(places: Places, sweep: str, file: Path) -> Manifest:
    """An archive that holds the sweep as it is now.

    Raises:
        SynaugError: it holds something else (exit 7), or is damaged (exit 9).
    """
    manifest = verify(file)
    if not holds(manifest, places, sweep):
        fix = "move it away, or name another with --file"
        raise SynaugError(Problem(f"{file} does not hold the sweep as it is now", fix=fix), Exit.CONFLICT)
    return manifest


def _checked(removal: Removal) -> Manifest:
    """Read the archive again before anything goes."""
    file = Path(removal.archive)
    manifest = verify(file)
    if file_sha256(file) != removal.sha256:
        fix = "the sweep's ledger is still there: delete removing.json in its folder to keep the sweep"
        problem = Problem("the archive is another one than the removal began with", str(file), fix)
        raise SynaugError(problem, Exit.INTEGRITY)
    return manifest
