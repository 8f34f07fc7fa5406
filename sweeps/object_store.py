"""How much of what a sweep shares its cluster had to move from memory to disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WARN_SHARE = 0.2
ASK_SECONDS = 5.0
MIB = 2**20


@dataclass(frozen=True)
class Stored:
    """What all object stores of a cluster did since it was started.

    Attributes:
        spilled: bytes that they wrote to disk for want of memory.
        restored: bytes that they read back.
    """

    spilled: int
    restored: int


def stored() -> Stored | None:
    """Ask the cluster of this process, also through a Ray client; None: no answer, or no cluster."""
    import grpc
    import ray
    from ray.exceptions import RayError

    if not ray.is_initialized():  # asking would start one
        return None
    try:
        if ray.util.client.ray.is_connected():  # type: ignore[no-untyped-call]
            task: Any = ray.remote(num_cpus=0)(_ask)
            answer: Stored = ray.get(task.remote())
            return answer
        return _ask()
    except (grpc.RpcError, RayError):  # a node that is going; the sweep does not depend on this
        return None


def _ask() -> Stored:
    import ray
    from ray._private import internal_api  # what `ray memory` reads; there is no public way

    address = ray.get_runtime_context().gcs_address
    state = internal_api.get_state_from_address(address)  # type: ignore[no-untyped-call]
    reply = internal_api.get_memory_info_reply(  # type: ignore[no-untyped-call]
        state, timeout_seconds=ASK_SECONDS
    )
    stats = reply.store_stats
    return Stored(int(stats.spilled_bytes_total), int(stats.restored_bytes_total))


def spill_note(before: Stored | None, after: Stored | None, shared: int) -> str | None:
    """Say what was spilled in between; None where nothing was, or it is not known.

    Args:
        before: when the sweep began.
        after: when it ended.
        shared: bytes of the embeddings, which all cells read.
    """
    if before is None or after is None:
        return None
    spilled, restored = after.spilled - before.spilled, after.restored - before.restored
    if spilled <= 0:
        return None
    share = spilled / max(1, shared)
    text = (
        f"Ray's object store spilled {spilled / MIB:.0f} MiB to disk ({100 * share:.0f} % of the "
        f"{shared / MIB:.0f} MiB of embeddings) and read {restored / MIB:.0f} MiB back"
    )
    if share <= WARN_SHARE:
        return text
    return f"warning: {text}: give it more memory, `ray start --object-store-memory BYTES`"
