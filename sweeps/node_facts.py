"""What a node says of itself: room, clock, network, token, models."""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from synaug.cache import cache_folder
from synaug.processor import instruction_sets, may_have_gpu

from .token import token_file, token_required

FAST = frozenset({"avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16"})  # of instruction sets
LOOPBACK = ("127.", "::1", "::ffff:127.")


@dataclass(frozen=True)
class Facts:
    """A node as it sees itself.

    Attributes:
        host: its name.
        cpus: processors that it has.
        gpus: GPUs that torch can use.
        memory: bytes of memory in all.
        memory_free: bytes that programs can still have.
        temporary: Ray's temporary folder.
        temporary_free: bytes free there.
        cache: the folder of this project's caches.
        cache_free: bytes free there.
        clock: seconds since 1970, at the end of the examination.
        tracking_trouble: why MLflow's server cannot be reached from there; None where it can.
        listeners: what others can connect to: address, port and program.
        token_required: whether Ray asks for its token.
        token_file: path of the token's file; None where there is none.
        token_mode: its mode, such as 600.
        models: encoders that need no network.
        instruction_sets: those of the processor that matter for speed.
        precision: the faster one for encoders.
    """

    host: str
    cpus: int
    gpus: int
    memory: int
    memory_free: int
    temporary: str
    temporary_free: int
    cache: str
    cache_free: int
    clock: float
    tracking_trouble: str | None
    listeners: tuple[str, ...]
    token_required: bool
    token_file: str | None
    token_mode: str | None
    models: tuple[str, ...]
    instruction_sets: tuple[str, ...]
    precision: str


def facts(tracking_uri: str | None = None) -> Facts:
    """Examine this machine.

    Args:
        tracking_uri: an MLflow server that it is to reach; a file is not looked for.
    """
    from synaug.encoders import fast_dtype
    from synaug.hub import cached_models

    memory, temporary, cache = psutil.virtual_memory(), ray_temporary(), cache_folder()
    token, trouble = token_file(), _tracking_trouble(tracking_uri)
    return Facts(
        host=platform.node(),
        cpus=os.cpu_count() or 1,
        gpus=_gpus(),
        memory=memory.total,
        memory_free=memory.available,
        temporary=str(temporary),
        temporary_free=_free(temporary),
        cache=str(cache),
        cache_free=_free(cache),
        tracking_trouble=trouble,
        listeners=tuple(listeners()),
        token_required=token_required(),
        token_file=None if token is None else str(token),
        token_mode=None if token is None else f"{token.stat().st_mode & 0o777:o}",
        models=("minilm", *cached_models()),
        instruction_sets=tuple(sorted(instruction_sets() & FAST)),
        precision=fast_dtype(),
        clock=time.time(),
    )


def facts_json(tracking_uri: str | None) -> str:
    """The facts of this machine as text."""
    return json.dumps(asdict(facts(tracking_uri)))


def read_facts(text: str) -> Facts:
    """The facts of the machine that made a text by ``facts_json``."""
    pairs = json.loads(text).items()
    found: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in pairs
    }
    return Facts(**found)


def ray_temporary() -> Path:
    """Ray's temporary folder on this machine."""
    import ray

    if ray.is_initialized() and not ray.util.client.ray.is_connected():  # type: ignore[no-untyped-call]
        node: Any = ray._private.worker._global_node
        return Path(node.get_temp_dir_path())
    return Path(os.environ.get("RAY_TMPDIR") or Path(tempfile.gettempdir()) / "ray")


def listeners() -> Iterable[str]:
    """What listens on other addresses than loopback, as ``address:port program``, each once."""
    found = set()
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status != psutil.CONN_LISTEN or not connection.laddr:
            continue
        host, port = connection.laddr.ip, connection.laddr.port
        if host.startswith(LOOPBACK):
            continue
        shown = f"[{host}]" if connection.family == socket.AF_INET6 else host
        found.add((port, f"{shown}:{port} {_program(connection.pid)}"))
    return [text for _, text in sorted(found)]


def _program(pid: int | None) -> str:
    """Name of a process, as far as we may see it; Ray's Python processes go by what they run."""
    if pid is None:
        return "(another user's)"
    try:
        process = psutil.Process(pid)
        scripts = [Path(part).name for part in process.cmdline()[1:6] if part.endswith(".py")]
        return f"{process.name()} {scripts[0]}" if scripts else process.name()
    except psutil.Error:  # it has just ended
        return "(ended)"


def _gpus() -> int:
    if not may_have_gpu():
        return 0
    import torch

    return torch.cuda.device_count()


def _free(folder: Path) -> int:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def _tracking_trouble(uri: str | None) -> str | None:
    from tracking import TrackingError, probe
    from tracking.address import SERVERS, scheme

    try:
        if uri is not None and scheme(uri) in SERVERS:
            probe(uri)
    except TrackingError as error:
        return str(error)
    return None
