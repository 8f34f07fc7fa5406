"""Judges what a node says of itself: ok, warning or problem."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from synaug.errors import Exit
from tracking import redact

from .node_facts import Facts

GIB: Final = 2**30
SCARCE, TOO_LITTLE = 5 * GIB, GIB  # bytes free: below the one a warning, below the other a problem
CLOCK_SECONDS = 2.0
SHOWN = 8  # listeners


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        node: where.
        check: what was looked at.
        level: whether a sweep can live with it.
        message: what was found.
        fix: what to do about it.
        exit: what the command ends with where it is a problem.
    """

    node: str
    check: str
    level: Literal["ok", "warning", "problem"]
    message: str
    fix: str | None = None
    exit: Exit = Exit.RESOURCES


def fact_findings(
    node: str, facts: Facts, at: float | None = None, tracking_uri: str | None = None
) -> list[Finding]:
    """Judge the facts of a node.

    Args:
        node: its name.
        facts: what it says of itself.
        at: when its answer came, by this machine's clock; None for this machine itself.
        tracking_uri: the MLflow server that it tried to reach, if any.
    """
    cluster = at is not None
    found = [
        *_room(node, facts),
        _models(node, facts),
        *_token(node, facts, cluster),
        _listeners(node, facts),
    ]
    if at is not None:
        found.append(_clock(node, facts.clock - at))
    if cluster and tracking_uri and tracking_uri.startswith("http"):
        found.append(_tracking(node, facts.tracking_trouble, tracking_uri))
    return found


def _room(node: str, facts: Facts) -> Iterator[Finding]:
    has = f"{facts.cpus} processors, {facts.gpus} GPUs, memory"
    yield _bytes(node, "memory", has, facts.memory_free, "end other programs")
    for what, free, name in (
        (f"Ray's folder {facts.temporary}:", facts.temporary_free, "RAY_TMPDIR"),
        (f"cache {facts.cache}:", facts.cache_free, "SYNAUG_CACHE"),
    ):
        yield _bytes(node, "disk", what, free, f"free space there, or name another disk in {name}")


def _bytes(node: str, check: str, what: str, free: int, fix: str) -> Finding:
    text = f"{what} {free / GIB:.1f} GiB free"
    if free < TOO_LITTLE:
        return Finding(node, check, "problem", text, fix)
    return Finding(node, check, "warning", text, fix) if free < SCARCE else Finding(node, check, "ok", text)


def _models(node: str, facts: Facts) -> Finding:
    sets = ", ".join(facts.instruction_sets) or "none of them known to be fast"
    text = f"encoders without network: {', '.join(facts.models)}; in {facts.precision} ({sets})"
    return Finding(node, "encoders", "ok", text)


def _token(node: str, facts: Facts, cluster: bool) -> Iterator[Finding]:
    if cluster and not facts.token_required:
        yield Finding(
            node, "token", "warning", "Ray asks for no token: whoever reaches its ports can run code",
            "make one with `ray get-auth-token --generate`, bring it to every node with mode 600, and set "
            "RAY_AUTH_MODE=token there before `ray start`",
        )  # fmt: skip
    elif cluster:
        yield Finding(node, "token", "ok", "Ray asks for its token")
    if facts.token_file is not None:
        text = f"{facts.token_file} has mode {facts.token_mode}"
        if facts.token_mode == "600":
            yield Finding(node, "token", "ok", text)
        else:
            fix = f"chmod 600 {facts.token_file}"
            yield Finding(node, "token", "warning", f"{text}: others on the machine can read it", fix)


def _listeners(node: str, facts: Facts) -> Finding:
    if not facts.listeners:
        return Finding(node, "ports", "ok", "nothing listens beyond this machine")
    more = len(facts.listeners) - SHOWN
    text = ", ".join(facts.listeners[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    fix = "let only the nodes of the cluster reach them (security group, firewall, NetworkPolicy)"
    return Finding(node, "ports", "warning", f"others can connect to {text}", fix)


def _clock(node: str, seconds: float) -> Finding:
    text = f"its clock is {abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} this machine's"
    if abs(seconds) > CLOCK_SECONDS:
        return Finding(node, "clock", "warning", text, "run an NTP client, such as chrony, on both")
    return Finding(node, "clock", "ok", text)


def _tracking(node: str, trouble: str | None, uri: str) -> Finding:
    if trouble is None:
        return Finding(node, "mlflow", "ok", f"{redact(uri)} answers")
    fix = "open the way from this node to the server, or let the server know the name: --allowed-hosts"
    return Finding(node, "mlflow", "problem", trouble, fix, Exit.SERVICE)
