"""The command ``synaug``: its commands, one message an error, exit codes."""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

import synaug
from synaug.errors import Exit, Problem, SynaugError
from tracking import redact

from .privacy import keep_private

DOCS = "docs/errors.md"

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
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; what goes wrong is said on stderr."""
    from . import asking, catalogue, deploying, doctor, logs, reporting, running, submitting, upkeep  # noqa: F401 - they register

    debug = "--debug" in arguments or bool(os.environ.get("SYNAUG_DEBUG"))
    try:
        code = app(list(arguments), prog_name="synaug", standalone_mode=False)
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
        if debug:
            typer.echo(redact("".join(traceback.format_exception(error))), err=True, nl=False)
        problems, exit = _problems(error)
        prose = "interrupted" if exit == Exit.INTERRUPTED else _prose(problems)
        typer.echo(redact(_document(problems, exit) if "--json" in arguments else prose), err=True)
        return exit


def _problems(error: BaseException) -> tuple[Sequence[Problem], int]:
    """What went wrong, and the exit code."""
    match error:
        case SynaugError():
            return error.problems, int(error.exit)
        case TyperException():
            context = getattr(error, "ctx", None)
            where = context.command_path if context else "synaug"
            problem = Problem(error.format_message(), where, f"see `{where} --help`", "D67")
            return [problem], error.exit_code
        case typer.Abort() | KeyboardInterrupt():
            return [Problem("interrupted")], Exit.INTERRUPTED
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            where = str(error.filename or "the output")
            return [Problem("the disk is full", where, "make space, then run again", "D65")], Exit.RESOURCES
    last = traceback.format_exception_only(error)[-1].strip()
    fix = "run `synaug --debug ...` and please report what it prints"
    return [Problem(f"{last}; this is a bug", f"synaug {synaug.__version__}", fix)], Exit.BUG


def _prose(problems: Sequence[Problem]) -> str:
    codes = (f"error[{problem.code}]" if problem.code else "error" for problem in problems)
    return "\n".join(f"{code}: {problem}" for code, problem in zip(codes, problems, strict=True))


def _document(problems: Sequence[Problem], exit: int) -> str:
    """The problems as one line of JSON; ``docs`` is the heading that explains each."""
    found = [
        {
            "code": problem.code,
            "message": problem.message,
            "where": problem.where,
            "fix": problem.fix,
            "docs": f"{DOCS}#{problem.code.lower() if problem.code else f'exit-{int(exit)}'}",
        }
        for problem in problems
    ]
    return json.dumps({"exit": int(exit), "errors": found}, ensure_ascii=False)
