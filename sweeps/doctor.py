"""What would trouble a sweep on this machine or on a cluster, node by node, each with a remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from synaug.errors import Exit, Problem, SynaugError
from tracking import TrackingError, UnknownScheme, probe, redact

from .cluster import connected
from .identity import Identity, identity, read_identity
from .node_checks import Finding, fact_findings
from .node_facts import Facts, facts, facts_json, read_facts
from .nodes import ANSWER_SECONDS, Answer, Node, ask_each, code_problems, identity_answers, nodes
from .reach import check_address, prepare_environment

HERE = "this machine"


@dataclass(frozen=True)
class Seen:
    """A node as it was examined.

    Attributes:
        name: its address and host, or ``this machine``.
        identity: the code that it runs; None where it does not say.
        facts: what it says of itself; None where it does not.
    """

    name: str
    identity: Identity | None = None
    facts: Facts | None = None


@dataclass(frozen=True)
class Examination:
    """What was found.

    Attributes:
        address: where.
        seen: the nodes.
        findings: each with a level: ok, warning or problem.
    """

    address: str
    seen: tuple[Seen, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def exit(self) -> Exit:
        """What the command ends with: 0, or the exit code of the first kind of problem."""
        codes = [finding.exit for finding in self.findings if finding.level == "problem"]
        return min(codes, default=Exit.OK)


def examine(address: str, tracking_uri: str | None, seconds: float = ANSWER_SECONDS) -> Examination:
    """Examine this machine, or every node of a cluster at the same time.

    Args:
        address: ``local``, or that of a cluster.
        tracking_uri: MLflow's store, which the driver is to reach, and a server's every node, too.
        seconds: that the nodes have to answer.

    Raises:
        SynaugError: an address of no known form (exit 2).
    """
    store = list(_store(tracking_uri))
    if address == "local":
        prepare_environment(address)
        found = facts()
        seen = Seen(HERE, identity(), found)
        return Examination(address, (seen,), (_versions(seen), *store, *fact_findings(HERE, found)))
    try:
        check_address(address)
        with connected(address, None, 0):
            seen_nodes, findings = _each(tracking_uri, seconds)
    except SynaugError as error:
        if error.exit == Exit.USAGE:
            raise
        away = tuple(_problem(address, "cluster", problem, error.exit) for problem in error.problems)
        return Examination(address, findings=(*store, *away))
    driver = _versions(Seen(HERE, identity()))
    return Examination(address, tuple(seen_nodes), (driver, *store, *findings))


def _store(uri: str | None) -> Iterator[Finding]:
    """Whether this process reaches MLflow's store."""
    if uri is None:
        return
    try:
        probe(uri)
    except UnknownScheme as error:
        raise SynaugError(Problem(error.message, error.where, error.fix)) from error
    except TrackingError as error:
        yield _problem(HERE, "mlflow", Problem(error.message, fix=error.fix or None), Exit.SERVICE)
    else:
        yield Finding(HERE, "mlflow", "ok", f"{redact(uri)} answers")


def _each(tracking_uri: str | None, seconds: float) -> tuple[list[Seen], list[Finding]]:
    asked = nodes()
    codes = identity_answers(asked, seconds)
    others = ask_each(
        [answer.node for answer in codes if answer.said], facts_json, tracking_uri, seconds=seconds
    )
    told = {answer.node.id: answer for answer in others}
    seen, findings = [], []
    for code in codes:
        about, found = _node(code, told.get(code.node.id), tracking_uri)
        seen.append(about)
        findings += found
    return seen, findings


def _node(
    code: Answer[str], told: Answer[str] | None, tracking_uri: str | None
) -> tuple[Seen, list[Finding]]:
    name = str(code.node)
    problems = code_problems(code)
    runs = None if code.said is None else read_identity(code.said)
    said = None if told is None or told.said is None else read_facts(told.said)
    seen = Seen(name, runs, said)
    exit = Exit.SERVICE if code.silent else Exit.RESOURCES
    findings = [_problem(name, "versions", problem, exit) for problem in problems]
    if not problems:
        findings.append(_versions(seen))
    findings.append(_counted(code.node))
    if said is not None and told is not None:
        findings += fact_findings(name, said, told.at, tracking_uri)
    elif told is not None:
        away = Problem(f"it cannot be examined: {told.trouble}", fix="look at the logs of Ray there")
        findings.append(_problem(name, "examination", away, Exit.SERVICE))
    return seen, findings


def _versions(seen: Seen) -> Finding:
    runs = seen.identity
    assert runs is not None, "a node without problems has told its code"
    text = f"Python {runs.python}, Ray {runs.ray}, synaug {runs.synaug}, code {runs.code}, lock {runs.lock}"
    return Finding(seen.name, "versions", "ok", text)


def _counted(node: Node) -> Finding:
    text = f"Ray counts {node.cpus:g} CPUs, {node.gpus:g} GPUs, {node.memory / 2**30:.1f} GiB"
    return Finding(str(node), "resources", "ok", text)


def _problem(node: str, check: str, problem: Problem, exit: Exit) -> Finding:
    return Finding(node, check, "problem", problem.message, problem.fix, exit)
