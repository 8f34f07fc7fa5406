"""The Ray cluster of a sweep: reach it in seconds or say so, and count what it has."""

from __future__ import annotations

import gc
import logging
import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stamina

from synaug.errors import Exit, Problem, SynaugError

from .telemetry import TELEMETRY_OFF

PROBE_SECONDS = 5.0
CLIENT_ATTEMPTS = 5
QUIET = TELEMETRY_OFF | {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_DEDUP_LOGS": "0"}
_FORMS = "local, auto, HOST:PORT or ray://HOST:PORT"


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


def check_address(address: str) -> None:
    """Find out in a few seconds whether a cluster can be there; connects nothing.

    Raises:
        SynaugError: the address has no known form (exit 2) or nobody listens (exit 5).
    """
    if address in ("local", "auto"):
        return
    match = re.fullmatch(r"(?:ray://)?(\[[^\]]+\]|[^:/\s]+):(\d{1,5})", address)
    if match is None:
        raise SynaugError(
            Problem(
                f"--address: expected {_FORMS}, got {address!r}", fix="for example --address 10.0.0.5:6379"
            )
        )
    host, port = match[1].strip("[]"), int(match[2])
    try:
        socket.create_connection((host, port), timeout=PROBE_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, str(error)) from error


def check_gpus(address: str, gpus: float) -> None:
    """Find out whether this machine has the GPUs that a cell needs; another cluster is asked later.

    Raises:
        SynaugError: it has too few (exit 6).
    """
    if address != "local" or gpus <= 0:
        return
    import torch

    _measure(address, None, gpus, {"CPU": 1.0, "GPU": float(torch.cuda.device_count())})


def _unreachable(address: str, reason: str) -> SynaugError:
    return SynaugError(
        Problem(
            f"no Ray cluster answers at {address}: {reason}",
            fix="start one with `ray start --head`, or run on this machine with --address local",
        ),
        Exit.SERVICE,
    )


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
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if address != "local" and _has_token():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    import ray

    quiet: dict[str, Any] = {
        "logging_level": logging.ERROR,
        "log_to_driver": False,
        "configure_logging": True,
    }
    try:
        if address == "local":
            cpus = workers or os.cpu_count() or 1
            ray.init("local", num_cpus=cpus, include_dashboard=False, **quiet)
        else:
            _join(ray, address, quiet)
    except ConnectionError as error:
        raise _unreachable(address, str(error).strip().splitlines()[-1]) from error
    try:
        yield _measure(address, workers, gpus, ray.cluster_resources())  # type: ignore[no-untyped-call]
    finally:
        _leave(ray)


def _join(ray: Any, address: str, settings: Mapping[str, Any]) -> None:
    """Connect to a cluster that runs.

    For each ``ray://`` client a head forks a server while its other threads use gRPC. With Ray 2.60 about
    one first fork in three died at once, the next one lived, so a client that was turned away tries again.
    """
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


def _has_token() -> bool:
    """Whether the user has a Ray token; `ray start` asks for it from then on, a client must be told."""
    path = os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token"
    return bool(os.environ.get("RAY_AUTH_TOKEN")) or Path(path).expanduser().is_file()


def _measure(address: str, workers: int | None, gpus: float, have: dict[str, float]) -> Cluster:
    cpus, devices = int(have.get("CPU", 0)), have.get("GPU", 0)
    if gpus > devices:
        raise _too_little(address, f"{gpus:g} GPU a cell", f"{devices:g}", "--gpus-per-trial 0")
    if cpus < 1:
        raise _too_little(address, "1 CPU a cell", "0", "a cluster with CPUs")
    if not gpus:
        return Cluster(address, workers or cpus, 0)
    return Cluster(address, min(workers or cpus, int(devices / gpus)), int(devices))


def _too_little(address: str, asked: str, have: str, fix: str) -> SynaugError:
    place = "this machine" if address == "local" else f"the cluster at {address}"
    problem = Problem(f"{place} has too little: asked for {asked}, it has {have}", fix=f"use {fix}")
    return SynaugError(problem, Exit.RESOURCES)
