"""The nodes of a connected cluster: what each of them says, and whether all run the driver's code."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from synaug.errors import Exit, Problem, SynaugError

from . import identity as identities
from .identity import differences, identity, identity_json, read_identity

SAME = "install the same Python, requirements.lock and version of this project here and on every node"
Said = TypeVar("Said")
ANSWER_SECONDS = 180.0  # a worker on a loaded node takes many of them to start


@dataclass(frozen=True)
class Node:
    """A node that is alive.

    Attributes:
        id: Ray's.
        address: its IP address.
        host: its name.
        cpus: CPUs that Ray counts there.
        gpus: GPUs that Ray counts there.
        memory: bytes that Ray counts there.
    """

    id: str
    address: str
    host: str
    cpus: float
    gpus: float
    memory: float

    def __str__(self) -> str:
        return f"{self.address} ({self.host}, {self.id[:8]})"


@dataclass(frozen=True)
class Answer(Generic[Said]):
    """What a node answered.

    Attributes:
        node: the node.
        said: its answer; None where there is none.
        trouble: why there is none.
        at: when it came, seconds since 1970.
        silent: nothing came back, not even an error of the question.
    """

    node: Node
    said: Said | None
    trouble: str | None
    at: float
    silent: bool = False


def nodes() -> list[Node]:
    """The nodes of the connected cluster that are alive, in the order of their addresses."""
    import ray

    found = []
    for entry in ray.nodes():  # type: ignore[no-untyped-call]
        if entry["Alive"]:
            have = entry["Resources"]
            numbers = (float(have.get(kind, 0)) for kind in ("CPU", "GPU", "memory"))
            found.append(
                Node(entry["NodeID"], entry["NodeManagerAddress"], entry["NodeManagerHostname"], *numbers)
            )
    return sorted(found, key=lambda node: (node.address, node.id))


def ask_each(
    asked: Sequence[Node], question: Callable[..., Said], *arguments: Any, seconds: float = ANSWER_SECONDS
) -> list[Answer[Said]]:
    """Have every node run a function, all at once, and wait for so many seconds at most."""
    import ray
    from ray.exceptions import RayError, RayTaskError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

    task: Any = ray.remote(num_cpus=0, max_retries=0)(question)
    running = {
        task.options(scheduling_strategy=On(node.id, soft=False)).remote(*arguments): node for node in asked
    }
    answers: list[Answer[Said]] = []
    until = time.monotonic() + seconds
    while running and (left := until - time.monotonic()) > 0:
        for ready in ray.wait(list(running), num_returns=1, timeout=left)[0]:
            node, at = running.pop(ready), time.time()
            try:
                answers.append(Answer(node, ray.get(ready), None, at))
            except RayError as error:
                answers.append(Answer(node, None, _last_line(error), at, not isinstance(error, RayTaskError)))
    for reference, node in running.items():
        ray.cancel(reference)
        answers.append(Answer(node, None, f"no answer in {seconds:.0f} s", time.time(), silent=True))
    return sorted(answers, key=lambda answer: (answer.node.address, answer.node.id))


def identity_answers(asked: Sequence[Node], seconds: float = ANSWER_SECONDS) -> list[Answer[str]]:
    """Ask every node for its code.

    The question travels with its code, so that a node with another version of this project, or with
    none, can be asked as well.
    """
    import ray

    pickle: Any = ray.cloudpickle
    pickle.register_pickle_by_value(identities)
    try:
        return ask_each(asked, identity_json, seconds=seconds)
    finally:
        pickle.unregister_pickle_by_value(identities)


def code_problems(answer: Answer[str]) -> list[Problem]:
    """What is wrong with the code of a node, from its answer to ``identity_answers``."""
    name = f"node {answer.node}"
    if answer.said is None:
        fix = f"install {identities.PROJECT} and its requirements.lock there, or take the node away"
        if answer.silent:
            fix = "look at its load and at Ray's logs there, then try again, or take the node away"
        return [Problem(f"{name} does not say what it runs: {answer.trouble}", fix=fix)]
    return [
        Problem(f"{name}: {difference}", fix=SAME)
        for difference in differences(identity(), read_identity(answer.said))
    ]


def check_nodes(seconds: float = ANSWER_SECONDS) -> None:
    """Refuse a connected cluster with a node that does not run the driver's code.

    A machine that dies counts as alive for some seconds more: one that has left meanwhile is passed over.

    Raises:
        SynaugError: a node differs (exit 6), or only keeps silent (exit 5).
    """
    answers = identity_answers(nodes(), seconds)
    if any(answer.silent for answer in answers):
        there = {node.id for node in nodes()}
        answers = [answer for answer in answers if not answer.silent or answer.node.id in there]
    problems = [problem for answer in answers for problem in code_problems(answer)]
    if problems:
        silent = all(answer.silent for answer in answers if code_problems(answer))
        raise SynaugError(problems, Exit.SERVICE if silent else Exit.RESOURCES)


def refused_node(differences: Sequence[str]) -> SynaugError:
    """The error of a node that joined a sweep under way with other code; it has run no cell."""
    fix = f"take it away, or {SAME}; then run the same command again: finished work is kept"
    return SynaugError([Problem(text, fix=fix) for text in differences], Exit.RESOURCES)


def _last_line(error: Exception) -> str:
    cause = getattr(error, "cause", None) or error
    lines = [line for line in str(cause).strip().splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[-1].strip() if lines else ''}"
