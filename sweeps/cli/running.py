"""Commands that compute: sweep, plan, test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from synaug.errors import Exit, Problem, SynaugError

from .app import app

RUNS = Path("runs")
Out = Annotated[
    Path, typer.Argument(help="Folder of the sweep, such as runs/quickstart.", show_default=False)
]
Address = Annotated[str, typer.Option(help="Ray cluster: local, auto, HOST:PORT or ray://HOST:PORT.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Cells at a time; one a CPU by default.")]
Gpus = Annotated[
    float,
    typer.Option("--gpus-per-trial", min=0.0, help="Train on GPUs; 0.25: four cells at a time on each."),
]
Tracking = Annotated[str | None, typer.Option(help="MLflow's store; beside the sweep by default.")]
Storage = Annotated[
    str | None,
    typer.Option(envvar="SYNAUG_STORAGE", help="Optuna's storage; beside the sweep by default."),
]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="A.B=V", help="Set a field of the spec; repeatable.")
]
Source = Annotated[
    str | None, typer.Argument(metavar="SPEC", help="A YAML file or a preset.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@app.command()
def sweep(
    spec: Source = None,
    data: Annotated[str | None, typer.Option(help="File, folder, hf://name, or builtin.")] = None,
    encoder: Annotated[str | None, typer.Option(help="minilm, a local folder or a hub name.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results.  [default: runs/NAME]")] = None,
    address: Address = "local",
    trials: Annotated[int | None, typer.Option(help="TPE trials an arm after the design.")] = None,
    replicates: Annotated[int | None, typer.Option(help="Independent draws.")] = None,
    max_time: Annotated[
        str | None, typer.Option(help="Start no cell after this time: 90, 10m, 2h30m.")
    ] = None,
    max_failed: Annotated[
        float | None, typer.Option(help="Stop when more cells failed: a share up to 1, or a number.")
    ] = None,
    cell_timeout: Annotated[
        str | None, typer.Option(help="End an attempt at a cell after this time; three in all.")
    ] = None,
    workers: Workers = None,
    gpus_per_trial: Gpus = 0.0,
    settings: Set = None,
    tracking_uri: Tracking = None,
    storage: Storage = None,
    seed: Annotated[int | None, typer.Option(help="Root of all random streams.")] = None,
    log_examples: Annotated[
        int | None,
        typer.Option(help="Log the texts behind so many synthetic rows a cell; none by default."),
    ] = None,
    extend: Annotated[
        list[str] | None, typer.Option(metavar="replicates=N|trials=N", help="Add to a sweep that exists.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check data and spec, write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Run a sweep, or go on with it: the same command on the same folder does what is left.

    Without SPEC it runs the quickstart: real text, every arm, a few minutes.

    \b
    Examples:
      synaug sweep quickstart --data texts.csv --out runs/texts --dry-run
      synaug sweep my.yaml --replicates 2
      synaug sweep my.yaml --dry-run --json
    """
    overrides = _overrides(
        ("encoder.model", encoder, "--encoder"),
        ("search.trials", trials, "--trials"),
        ("replicates", replicates, "--replicates"),
        ("limits.max_time", max_time, "--max-time"),
        ("limits.max_failed", max_failed, "--max-failed"),
        ("limits.cell_timeout", cell_timeout, "--cell-timeout"),
        ("seed", seed, "--seed"),
        ("log_examples", log_examples, "--log-examples"),
    )
    from ..cluster import check_workers

    resolved = _load(spec, [*(settings or ()), *overrides], data, out)
    extension = _extension(extend)
    check_workers(address, workers)
    where = _where(out or RUNS / resolved.name, tracking_uri, storage)
    from ..resume import resolve

    resolved = resolve(resolved, where, extension)
    if dry_run:
        _dry_run(resolved, where, address, gpus_per_trial, as_json)
        return
    from ..launch import RunOptions

    options = RunOptions(address, workers, gpus_per_trial, extension)
    raise typer.Exit(_sweep(resolved, where, options, as_json))


def _overrides(*given: tuple[str, Any, str]) -> list[tuple[str, Any, str]]:
    return [field for field in given if field[1] is not None]


def _load(source: str | None, overrides: list[Any], data: str | None, out: Path | None) -> Any:
    from ..spec import load_spec

    return load_spec(source, overrides, data=data, name=None if out is None else out.absolute().name)


def _extension(pairs: list[str] | None) -> dict[str, int]:
    found = {}
    for pair in pairs or ():
        name, _, value = pair.partition("=")
        if name not in ("replicates", "trials") or not value.isdigit():
            text = f"--extend: expected replicates=N or trials=N, got {pair!r}"
            raise SynaugError(Problem(text, "--extend", "for example --extend replicates=10", "D63"))
        found[name] = int(value)
    return found


def _where(folder: Path, tracking_uri: str | None = None, storage: str | None = None) -> Any:
    from ..places import places

    return places(folder, tracking_uri, storage, header=_header(folder))


def _sweep(spec: Any, where: Any, options: Any, as_json: bool) -> int:
    from .. import launch
    from ..gate import is_due, open_gate

    console = _stderr()
    ended = launch.run(spec, where, options, console)
    from .ending import end_facts, show_end, show_test  # imports pandas, which a start need not wait for

    tested = open_gate(where, None, options, console) if is_due(where, ended) else None
    if as_json:
        typer.echo(json.dumps(end_facts(where, ended), ensure_ascii=False))
        return int(ended.exit)
    if tested is not None:
        show_test(tested)
    show_end(where, ended, console)
    return int(ended.exit)


def _stderr() -> Any:
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def _header(folder: Path) -> Any:
    from ..ledger import read
    from ..ledger_state import state

    return state(read(folder / "ledger.jsonl", strict=False).lines).header


def _dry_run(spec: Any, where: Any, address: str, gpus: float, as_json: bool) -> None:
    from io import StringIO

    from rich.console import Console

    from ..ledger import read
    from ..ledger_state import state
    from ..preflight import preflight
    from ..resume import check_same
    from .planning import describe_plan, plan_facts
    from .showing import describe_prepared, prepared_facts

    said = StringIO()  # with --json notes are part of the document
    console = Console(file=said, width=100_000) if as_json else _stderr()
    prepared = preflight(spec, where, address, gpus, console)
    check_same(state(read(where.ledger, strict=False).lines), prepared)
    if as_json:
        notes = [n.removeprefix("note: ") for n in said.getvalue().splitlines() if n.startswith("note: ")]
        facts = {"plan": plan_facts(spec, prepared, None), "data": prepared_facts(prepared), "notes": notes}
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    describe_plan(spec, prepared)
    describe_prepared(prepared)


@app.command()
def plan(
    spec: Source = None,
    data: Annotated[str | None, typer.Option(help="File, folder, hf://name, or builtin.")] = None,
    settings: Set = None,
    as_json: Json = False,
) -> None:
    """Show the cells of a sweep, the effect it can detect and the time it will take; runs nothing.

    \b
    Examples:
      synaug plan
      synaug plan sst2 --set design=factorial --json
    """
    from .planning import describe_plan, plan_facts

    resolved = _load(spec, list(settings or ()), data, None)
    prepared, away = _prepared(resolved)
    if as_json:
        typer.echo(json.dumps(plan_facts(resolved, prepared, away)))
        return
    describe_plan(resolved, prepared)
    if away:
        _stderr().print(f"no estimate of time: {away}", markup=False, soft_wrap=True)


def _prepared(spec: Any) -> tuple[Any, str | None]:
    """The data of a spec, or why they cannot be read here: a plan needs them for its time alone."""
    from ..prepare import prepare

    try:
        return prepare(spec), None
    except SynaugError as error:
        return None, error.problems[0].message


@app.command(name="test")
def read_test(
    out: Out,
    cells: Annotated[
        list[str] | None, typer.Option(help="Key of a cell to read the test rows; repeatable.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All cells that have scores.")] = False,
    address: Address = "local",
    workers: Workers = None,
    gpus_per_trial: Gpus = 0.0,
) -> None:
    """Open the gate: the declared cells read the test rows, once.

    \b
    Examples:
      synaug test runs/quickstart --all
      synaug test runs/mine --cells 0f3ac1d2e4b59687
    """
    from ..launch import RunOptions
    from .upkeep import require_sweep

    if bool(cells) == every:
        fix = "--all, or --cells KEY for each cell"
        raise SynaugError(Problem("expected either --cells KEY or --all", str(out), fix, "D63"), Exit.USAGE)
    require_sweep(out)
    from ..gate import open_gate
    from .ending import show_test

    show_test(open_gate(_where(out), cells, RunOptions(address, workers, gpus_per_trial), _stderr()))
