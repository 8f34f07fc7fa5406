"""The command that hands a sweep over to a cluster: submit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .running import Gpus, Json, Set, Source, Storage, Tracking, Workers, _load, _stderr


@app.command()
def submit(
    address: Annotated[str, typer.Option(help="Dashboard of the cluster: http://HOST:PORT.")],
    spec: Source = None,
    data: Annotated[str | None, typer.Option(help="File, folder, hf://name, or builtin.")] = None,
    out: Annotated[
        str | None, typer.Option(help="Folder of the results on the cluster.  [default: ~/runs/NAME]")
    ] = None,
    settings: Set = None,
    workers: Workers = None,
    gpus_per_trial: Gpus = 0.0,
    tracking_uri: Tracking = None,
    storage: Storage = None,
    no_upload: Annotated[
        bool, typer.Option("--no-upload", help="Data and model lie on the cluster under the same paths.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Show its log and end with its exit code.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run a sweep as a job of a Ray cluster; this machine may go to sleep meanwhile.

    The spec goes along with the data and the model that it names, where they lie on this machine. Nothing of
    the environment does, but for a few harmless variables.

    \b
    Examples:
      synaug submit my.yaml --address http://127.0.0.1:8265
      synaug submit my.yaml --address http://127.0.0.1:8265 --out /mnt/runs/mine --follow
    """
    name = None if out is None else Path(out).name
    resolved = _load(spec, list(settings or ()), data, Path(name) if name else None)
    from .. import submit as jobs

    pairs = (("--workers", workers), ("--gpus-per-trial", gpus_per_trial or None),
             ("--tracking-uri", tracking_uri), ("--storage", storage))  # fmt: skip
    options = [word for flag, value in pairs if value is not None for word in (flag, str(value))]
    submission = jobs.Submission(resolved, out or f"~/runs/{resolved.name}", options, not no_upload)
    job = jobs.submit(submission, address)
    if as_json:
        typer.echo(json.dumps({"job": job, "address": address, "out": submission.out}))
    _say_what_next(job, address, submission.out, as_json)
    if follow:
        code = jobs.follow(jobs.open_jobs(address), job, lambda text: typer.echo(text, nl=False, err=as_json))
        raise typer.Exit(code)


def _say_what_next(job: str, address: str, out: str, quiet: bool) -> None:
    lines = [f"job {job}, results in {out} on the cluster"]
    for what in ("status", "logs --follow", "stop"):
        lines.append(f"  ray job {what} {job} --address {address}")
    if quiet:
        _stderr().print("\n".join(lines), markup=False, soft_wrap=True)
    else:
        typer.echo("\n".join(lines))
