"""The command ``synaug``: its commands, one message an error, exit codes."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

import synaug
from synaug.errors import Exit, SynaugError

from .privacy import keep_private

app = typer.Typer(
    name="synaug",
    help="Find out, at scale, what synthetic feature augmentation does for imbalanced text classification.",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"synaug {synaug.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; so does SYNAUG_DEBUG=1.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(int(Exit.USAGE))


def main() -> NoReturn:
    """Run the command line and end the process with its exit code."""
    keep_private()
    from . import asking, catalogue, deploying, reporting, running, upkeep  # noqa: F401 - they register

    sys.exit(_run())


def _run() -> int:
    debug = "--debug" in sys.argv or bool(os.environ.get("SYNAUG_DEBUG"))
    try:
        code = app(prog_name="synaug", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else Exit.OK
    except BrokenPipeError:  # the reader of our output has gone: say nothing
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except SystemExit as end:  # how Rich and Typer end then
        if isinstance(end.__context__, BrokenPipeError):
            return Exit.OK
        raise
    except (Exception, KeyboardInterrupt) as error:
        return _said(error, debug)


def _said(error: BaseException, debug: bool) -> int:
    """Print what went wrong on stderr, passwords hidden, and return the exit code."""
    from tracking import redact

    if debug:
        typer.echo(redact("".join(traceback.format_exception(error))), err=True, nl=False)
    match error:
        case SynaugError():
            messages, code = [str(problem) for problem in error.problems], int(error.exit)
        case TyperException():
            messages, code = [error.format_message()], error.exit_code
        case typer.Abort() | KeyboardInterrupt():
            typer.echo("interrupted", err=True)
            return Exit.INTERRUPTED
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            where = f"\n  where: {error.filename}" if error.filename else ""
            messages, code = [f"the disk is full{where}\n  fix:   make space, then run again"], Exit.RESOURCES
        case _:
            last = traceback.format_exception_only(error)[-1].strip()
            messages = [f"{last}\n  this is a bug: run `synaug --debug ...` and please report what it prints"]
            code = Exit.BUG
    for message in messages:
        typer.echo(f"error: {redact(message)}", err=True)
    return code
