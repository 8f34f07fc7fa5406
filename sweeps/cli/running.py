"""Commands that compute: sweep, plan, test."""

from __future__ import annotations

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


@app.command()
def sweep(
    spec: Source = None,
    data: Annotated[str | None, typer.Option(help="File, folder, hf://name, or builtin.")] = None,
    encoder: Annotated[str | None, typer.Option(help="minilm, a local folder or a hub name.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results.  [default: runs/NAME]")] = None,
    address: Address = "local",
    trials: Annotated[int | None, typer.Option(min=0, help="TPE trials an arm after the design.")] = None,
    replicates: Annotated[int | None, typer.Option(min=1, help="Independent draws.")] = None,
    max_time: Annotated[
        str | None, typer.Option(help="Start no cell after this time: 90, 10m, 2h30m.")
    ] = None,
    max_failed: Annotated[
        float | None, typer.Option(help="Stop when a larger share of the cells failed.")
    ] = None,
    workers: Workers = None,
    gpus_per_trial: Gpus = 0.0,
    settings: Set = None,
    tracking_uri: Tracking = None,
    storage: Storage = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Root of all random streams.")] = None,
    log_examples: Annotated[
        int | None,
        typer.Option(min=0, help="Log the texts behind so many synthetic rows a cell; none by default."),
    ] = None,
    extend: Annotated[
        list[str] | None, typer.Option(metavar="replicates=N|trials=N", help="Add to a sweep that exists.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check data and spec, write nothing.")] = False,
) -> None:
    """Run a sweep, or go on with it: the same command on the same folder does what is left.

    Without SPEC it runs the quickstart: real text, every arm, a few minutes.

    \b
    Examples:
      synaug sweep quickstart --data texts.csv --out runs/texts --dry-run
      synaug sweep my.yaml --replicates 2
    """
    overrides = _overrides(
        ("encoder.model", encoder),
        ("search.trials", trials),
        ("replicates", replicates),
        ("limits.max_time", max_time),
        ("limits.max_failed", max_failed),
        ("seed", seed),
        ("log_examples", log_examples),
    )
    resolved = _load(spec, [*(settings or ()), *overrides], data, out)
    extension = _extension(extend)
    where = _where(out or RUNS / resolved.name, tracking_uri, storage)
    from ..resume import resolve

    resolved = resolve(resolved, where, extension)
    if dry_run:
        _dry_run(resolved, where, address, gpus_per_trial)
        return
    from ..launch import RunOptions

    options = RunOptions(address, workers, gpus_per_trial, extension)
    raise typer.Exit(_sweep(resolved, where, options))


def _overrides(*pairs: tuple[str, Any]) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in pairs if value is not None]


def _load(source: str | None, overrides: list[Any], data: str | None, out: Path | None) -> Any:
    from ..spec import load_spec

    return load_spec(source, overrides, data=data, name=None if out is None else out.absolute().name)


def _extension(pairs: list[str] | None) -> dict[str, int]:
    found = {}
    for pair in pairs or ():
        name, _, value = pair.partition("=")
        if name not in ("replicates", "trials") or not value.isdigit():
            raise SynaugError(Problem(f"--extend: expected replicates=N or trials=N, got {pair!r}"))
        found[name] = int(value)
    return found


def _where(folder: Path, tracking_uri: str | None = None, storage: str | None = None) -> Any:
    from ..places import places

    return places(folder, tracking_uri, storage, header=_header(folder))


def _sweep(spec: Any, where: Any, options: Any) -> int:
    from .. import launch
    from ..gate import is_due

    console = _stderr()
    ended = launch.run(spec, where, options, console)
    from .ending import show_end  # imports pandas, which a start need not wait for

    if is_due(where, ended):
        _open_gate(where, None, options, console)
    show_end(where, ended, console)
    return int(ended.exit)


def _stderr() -> Any:
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def _header(folder: Path) -> Any:
    from ..ledger import read
    from ..ledger_state import state

    return state(read(folder / "ledger.jsonl", strict=False).lines).header


def _dry_run(spec: Any, where: Any, address: str, gpus: float) -> None:
    from ..ledger import read
    from ..ledger_state import state
    from ..preflight import preflight
    from ..resume import check_same
    from .planning import describe_plan
    from .showing import describe_prepared

    prepared = preflight(spec, where, address, gpus, _stderr())
    check_same(state(read(where.ledger, strict=False).lines), prepared)
    describe_plan(spec, prepared)
    describe_prepared(prepared)


@app.command()
def plan(
    spec: Source = None,
    data: Annotated[str | None, typer.Option(help="File, folder, hf://name, or builtin.")] = None,
    settings: Set = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Show the cells of a sweep, the effect it can detect and the time it will take; runs nothing.

    \b
    Examples:
      synaug plan
      synaug plan sst2 --set design=factorial --json
    """
    import json

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
        raise SynaugError(Problem("expected either --cells KEY or --all"), Exit.USAGE)
    require_sweep(out)
    _open_gate(_where(out), cells, RunOptions(address, workers, gpus_per_trial), _stderr())


def _open_gate(where: Any, cells: list[str] | None, options: Any, console: Any) -> None:
    from ..gate import open_gate
    from .ending import show_test

    show_test(open_gate(where, cells, options, console))
