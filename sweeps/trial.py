"""What runs in a Ray worker: one cell, replicate by replicate, reported as data."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import platform
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from synaug.classifiers import Classifier
from synaug.classifiers.options import MlpOptions
from synaug.evaluate import Train, evaluate, train_here
from synaug.knobs import Value
from synaug.methods import METHODS
from synaug.outcome import Outcome
from synaug.pool_cache import PoolCache

from .attempt import noted
from .engine import Engines
from .identity import Identity, other_code
from .plan import scene_of
from .prepare import Shared
from .worker_output import ending, heard

Options = TypeVar("Options", bound=Classifier)


class Trained(NamedTuple):
    """A classifier of a sweep.

    Attributes:
        options: the classifier with its knobs set.
        steps: a rung of its ladder, or None to let the folds choose.
    """

    options: Classifier
    steps: int | None


@dataclass(frozen=True)
class Job:
    """What is the same for all cells of a sweep.

    Attributes:
        options: the first classifier.
        steps: a rung of its ladder, or None to let the folds choose.
        threads: threads of a trial.
        gate: score the test rows instead of the dev rows.
        diagnosed: look at the synthetic rows, too.
        engines: what trains the networks of the cells; None: each trains by itself.
        others: the other classifiers.
        code: what the driver runs, and a worker must run, too; None where all is one machine.
        run: what the notes of attempts are named by; none without it.
        timeout: seconds that an attempt may take.
        gpus: whether cells that fine-tune an encoder may use the GPUs of their node.
        encoders: names of the encoders after the first.
    """

    options: Classifier
    steps: int | None
    threads: int = 1
    gate: bool = False
    diagnosed: bool = True
    engines: Engines | None = None
    others: Sequence[Trained] = ()
    code: Identity | None = None
    run: str = ""
    timeout: float | None = None
    gpus: bool = False
    encoders: Sequence[str] = ()

    def place(self, encoder: str) -> int:
        """Where the data of an encoder stand among those that the cells share."""
        return 1 + self.encoders.index(encoder) if encoder else 0

    def trained(self, name: str | None) -> Trained:
        """One of the classifiers by its name; None: the first."""
        every = (Trained(self.options, self.steps), *self.others)
        return next(one for one in every if name in (None, one.options.name))

    @property
    def network(self) -> MlpOptions | None:
        """The classifier that engines train, if the sweep has it."""
        every = (self.options, *(other.options for other in self.others))
        return next((options for options in every if isinstance(options, MlpOptions)), None)


@dataclass(frozen=True)
class Work:
    """One attempt at a cell.

    Attributes:
        key: the cell's trial_key.
        arm: its method.
        settings: its knobs.
        replicates: those that have no result yet.
        attempt: 1, 2, ...; changes no number.
        sketch: also send the picture of replicate 0.
        classifier: what it is run for; None: the first of the sweep.
        extras: what else its configuration says: see ``plan.is_extra``.
        encoder: what makes its embeddings; "": the first of the sweep.
    """

    key: str
    arm: str
    settings: Mapping[str, Value]
    replicates: Sequence[int]
    attempt: int = 1
    sketch: bool = False
    classifier: str | None = None
    extras: Mapping[str, Value] = field(default_factory=dict)
    encoder: str = ""


def run_cell(config: Mapping[str, Any], shared: Sequence[Any], job: Job) -> None:
    """Evaluate a cell on its replicates; reports one line a replicate to Ray Tune.

    Errors of the code come back as results with status ``failed``; only the death of the process is
    seen by Ray.

    Args:
        config: the fields of ``Work``.
        shared: references to a ``Shared`` in the object store, one for each encoder.
        job: what all cells have in common.
    """
    import ray
    import torch
    from ray import tune

    if refusals := other_code(job.code):  # of a node that joined after the others were asked
        tune.report({"refused": refusals})
        return
    torch.set_num_threads(job.threads)
    work = Work(**config)
    data = ray.get(shared[job.place(work.encoder)])
    node = ray.get_runtime_context().get_node_id() if job.run else ""
    with noted(job.run, work.key, work.attempt, job.timeout, node):
        for replicate in work.replicates:
            with heard() as pieces:
                line = _line(work, replicate, data, job)
            said = ending(pieces)
            tune.report({"line": line} | ({"output": said} if said else {}))


def _line(work: Work, replicate: int, data: Shared, job: Job) -> str:
    """The worker's part of a ledger line, as JSON; ``sketch`` and ``trace`` do not go into the ledger."""
    where = {"replicate": replicate, "host": platform.node()}
    try:
        return json.dumps({**where, **_evaluated(work, replicate, data, job)}, allow_nan=False)
    except Exception as error:  # an error of the code is this cell's result, not the sweep's end
        failed = Outcome("failed", f"{type(error).__name__}: {error}"[:500])
        return json.dumps({**where, **dataclasses.asdict(failed), "trace": traceback.format_exc()})


def _evaluated(work: Work, replicate: int, data: Shared, job: Job) -> dict[str, Any]:
    method, scene = METHODS[work.arm](**work.settings), scene_of(work.extras)
    shared = data.replicate(replicate, scene, int(work.extras.get("nuisance", 0)))
    test, cache = data.test if job.gate else None, _pool_cache()
    options, steps = job.trained(work.classifier)
    options = own_options(options, work.extras)
    train = _trainer(work, replicate, scene, options, job)
    outcome = evaluate(
        method, shared, options, steps, test=test, cache=cache, train=train, diagnosed=job.diagnosed
    )
    if bad := _no_numbers(outcome.scores):
        return dataclasses.asdict(Outcome("failed", f"non_finite: {bad}"))
    found = dataclasses.asdict(outcome)
    if work.sketch and replicate == 0 and outcome.status == "ok":
        from synaug.sketch import sketch

        found["sketch"] = sketch(method, shared, options.precision, cache)
    return found


def _no_numbers(scores: Mapping[str, object]) -> str:
    """Name the scores that are no finite numbers, which nobody could rank."""
    bad = {n: x for n, x in scores.items() if not (isinstance(x, float | int) and math.isfinite(x))}
    return ", ".join(f"{name} is {value!r}" for name, value in bad.items())


def _trainer(work: Work, replicate: int, scene: str, options: Options, job: Job) -> Train | None:
    """What trains where the sweep has GPUs: an engine for the network, a share of one for fine-tuning."""
    if job.engines is not None and isinstance(options, MlpOptions):
        return job.engines.client(work.key, scene, replicate, job.gate, job.place(work.encoder))
    if job.gpus and options.reads_texts:
        return functools.partial(train_here, device=device_of(work.key))
    return None


def device_of(key: str) -> str:
    """A GPU of this node, the cells being dealt by their trial_key; the processor of a node that has none."""
    import torch

    number = torch.cuda.device_count()
    return f"cuda:{int(key, 16) % number}" if number else "cpu"


def own_options(options: Options, config: Mapping[str, Value]) -> Options:
    """The classifier's settings, with those that a cell has of its own, such as ``mlp.learning_rate``."""
    own: dict[str, Any] = {n.partition(".")[2]: value for n, value in config.items() if "." in n}
    return dataclasses.replace(options, **own)


@functools.cache
def _pool_cache() -> PoolCache:
    """One a process, so that a folder that cannot be used is reported once."""
    return PoolCache()
