"""The Ray cluster of a sweep: reach it in seconds or say so, and count what it has."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psutil
import stamina

from synaug.errors import Exit, Problem, SynaugError

from .nodes import SAME, check_nodes
from .reach import CLIENT, check_address, prepare_environment, unreachable

CLIENT_ATTEMPTS = 5
START_ATTEMPTS = 3


@dataclass(frozen=True)
class Cluster:
    """A connected cluster.

    Attributes:
        address: as the user gave it.
        workers: cells at a time.
        engines: GPUs that train for the cells; 0 where each cell trains by itself.
    """

    address: str
    workers: int
    engines: int

    @property
    def exports(self) -> bool:
        """Whether this process can export numbers: a client of Ray is no part of the cluster."""
        return self.address != "local" and not self.address.startswith(CLIENT)


def check_cluster(address: str, gpus: float) -> None:
    """Find out whether a sweep can run there: on this machine, or on each node of a cluster.

    Raises:
        SynaugError: nobody answers or we are refused (exit 5); a node runs other code than this process,
            or there are no such GPUs (exit 6).
    """
    check_address(address)
    if address != "local":
        with connected(address, None, gpus):
            check_nodes()
    elif gpus > 0:
        import torch

        _measure(address, None, gpus, {"CPU": 1.0, "GPU": float(torch.cuda.device_count())})


def check_workers(address: str, workers: int | None) -> None:
    """Refuse more cells at a time than this machine has processors; another cluster may grow.

    Raises:
        SynaugError: there are fewer (exit 3).
    """
    cpus = os.cpu_count() or 1
    if address == "local" and workers is not None and workers > cpus:
        text = f"workers: expected at most the {cpus} processors of this machine, got {workers}"
        raise SynaugError(Problem(text, "--workers", f"use --workers {cpus}", "D48"), Exit.SPEC)


@contextmanager
def connected(address: str, workers: int | None, gpus: float) -> Iterator[Cluster]:
    """Start Ray on this machine, or connect to a cluster; leave it at the end.

    Args:
        address: ``local``, ``auto``, ``HOST:PORT`` or ``ray://HOST:PORT``.
        workers: cells at a time; None: as many as there are CPUs.
        gpus: share of a GPU that a cell counts as; so many cells at a time train on each.

    Raises:
        SynaugError: nobody answers (exit 5), or the cluster lacks what is asked for (exit 6).
    """
    prepare_environment(address)
    import ray

    quiet: dict[str, Any] = {
        "logging_level": logging.ERROR,
        "log_to_driver": False,
        "configure_logging": True,
    }
    try:
        if address == "local":
            _start(ray, workers or os.cpu_count() or 1, quiet)
        else:
            _join(ray, address, quiet)
    except ConnectionError as error:
        raise unreachable(address, str(error).strip().splitlines()[-1]) from error
    except RuntimeError as error:
        if not str(error).startswith("Version mismatch"):
            raise
        raise SynaugError(Problem(" ".join(str(error).split()), address, SAME), Exit.RESOURCES) from error
    try:
        yield _measure(address, workers, gpus, ray.cluster_resources())  # type: ignore[no-untyped-call]
    finally:
        _leave(ray)


def _start(ray: Any, cpus: int, settings: Mapping[str, Any]) -> None:
    """Start Ray on this machine; on one that is very busy a start takes more than the 30 s that Ray allows.

    Raises:
        SynaugError: it did not start in several tries (exit 6).
    """
    try:
        for attempt in stamina.retry_context(on=_is_slow, attempts=START_ATTEMPTS, timeout=None):
            with attempt, _nothing_left_of_a_failure():
                ray.shutdown()  # what an attempt before has left in this process
                ray.init("local", num_cpus=cpus, include_dashboard=False, **settings)
    except Exception as error:
        if not _is_slow(error):
            raise
        text = f"Ray did not start on this machine in {START_ATTEMPTS} tries of 30 s each"
        fix = "run it when less else runs here, or on a cluster with --address"
        raise SynaugError(Problem(text, "--address local", fix), Exit.RESOURCES) from error


@contextmanager
def _nothing_left_of_a_failure() -> Iterator[None]:
    """End the processes of a start that failed; Ray lets them run, and they slow the next one down."""
    this = psutil.Process()
    before = this.children(recursive=True)
    try:
        yield
    except Exception:
        left = [child for child in this.children(recursive=True) if child not in before]
        for child in left:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(left, timeout=10)
        raise


def _is_slow(error: Exception) -> bool:
    return "timed out during startup" in str(error)  # Ray raises a plain Exception


def _join(ray: Any, address: str, settings: Mapping[str, Any]) -> None:
    """Connect to a cluster that runs.

    For each ``ray://`` client a head forks a server while its other threads use gRPC. With Ray 2.60 about
    one first fork in three died at once, the next one lived, so a client that was turned away tries again.
    """
    logging.getLogger("stamina").setLevel(logging.ERROR)  # the last failure is told, and enough
    for attempt in stamina.retry_context(
        on=ConnectionAbortedError, attempts=CLIENT_ATTEMPTS, timeout=None, wait_initial=1.0
    ):
        with attempt:
            ray.init(address, **settings)


def _leave(ray: Any) -> None:
    """Shut Ray down while no thread collects garbage.

    Tune leaves cycles that hold references to Ray's objects. Ray ends the process when another thread,
    such as the one that writes to MLflow, happens to collect them in the middle of a shutdown.
    """
    gc.collect()
    gc.disable()
    try:
        ray.shutdown()
    finally:
        gc.enable()


def _measure(address: str, workers: int | None, gpus: float, have: dict[str, float]) -> Cluster:
    cpus, devices = int(have.get("CPU", 0)), have.get("GPU", 0)
    if gpus > devices:
        fix = "--gpus-per-trial 0"
        raise _too_little(address, f"{gpus:g} GPU a cell", f"{devices:g}", fix, "--gpus-per-trial")
    if cpus < 1:
        raise _too_little(address, "1 CPU a cell", "0", "a cluster with CPUs", "--address")
    if not gpus:
        return Cluster(address, workers or cpus, 0)
    return Cluster(address, min(workers or cpus, int(devices / gpus)), int(devices))


def _too_little(address: str, asked: str, have: str, fix: str, option: str) -> SynaugError:
    place = "this machine" if address == "local" else f"the cluster at {address}"
    text = f"{place} has too little: asked for {asked}, it has {have}"
    problem = Problem(text, option, f"use {fix}", "D45")
    return SynaugError(problem, Exit.RESOURCES)
