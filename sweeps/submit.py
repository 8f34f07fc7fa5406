"""A sweep as a Ray job: what it needs is packed and sent, and the cluster runs it from there."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shlex
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from synaug.errors import Exit, Problem, SynaugError
from tracking import redact

from .packing import packed
from .reach import PROBE_SECONDS, TOKEN, prepare_environment, unreachable
from .spec import Spec

ALLOWED = ("MLFLOW_TRACKING_URI", "HF_ENDPOINT", "HF_HUB_OFFLINE", "NO_COLOR", "SYNAUG_DEBUG")  # of variables
AGAIN_SECONDS = 2.0  # until a closed connection is opened again
NOT_FOUND = 127  # what a shell says of a command that it does not have
_DASHBOARD = (
    "give the address of its dashboard, such as http://127.0.0.1:8265; from afar make it reachable with "
    "`ssh -L 8265:127.0.0.1:8265 HEAD`"
)


@dataclass(frozen=True)
class Submission:
    """A sweep that is to run as a job.

    Attributes:
        spec: the sweep.
        out: folder of its results on the cluster; starts with / or ~.
        options: more of the command line of ``synaug sweep``.
        upload: send data and model along; else they lie on the cluster under the same paths.
    """

    spec: Spec
    out: str
    options: Sequence[str] = ()
    upload: bool = True

    @property
    def command(self) -> str:
        """What the cluster's shell runs, in the folder that was sent."""
        home, _, rest = self.out.partition("/")
        where = f"~/{shlex.quote(rest)}" if home == "~" else shlex.quote(self.out)
        return f"synaug sweep spec.yaml --out {where} --address auto {shlex.join(self.options)}".strip()


def submit(submission: Submission, address: str, environment: Mapping[str, str] = os.environ) -> str:
    """Send a sweep to a cluster and start it there; return the job's id.

    Args:
        submission: the sweep.
        address: of the cluster's dashboard, ``http://HOST:PORT``.
        environment: of which only the variables in ``ALLOWED`` go along.

    Raises:
        SynaugError: an address or folder of no known form (exit 2), nobody answers or we are refused
            (exit 5), too much to send (exit 6), or a password would go along (exit 9).
    """
    if not submission.out.startswith(("/", "~/")):
        text = f"--out: expected a folder of the cluster that starts with / or ~/, got {submission.out!r}"
        raise SynaugError(Problem(text, fix="name one that lasts; the folder of a job does not"))
    _refuse_passwords(submission.command)
    variables = allowed(environment)
    client = open_jobs(address)
    identifier = f"synaug-{submission.spec.name}-{secrets.token_hex(4)}"
    with packed(submission.spec, submission.upload) as folder:
        client.submit_job(
            entrypoint=submission.command,
            submission_id=identifier,
            runtime_env={"working_dir": str(folder), "env_vars": variables},
            metadata={"sweep": submission.spec.name},
        )
    return identifier


def allowed(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that go along with a job; what a job is given can be read by all who see the dashboard.

    Raises:
        SynaugError: one of them holds a password (exit 9).
    """
    found = {name: environment[name] for name in ALLOWED if name in environment}
    if not found.get("MLFLOW_TRACKING_URI", "http").startswith("http"):
        del found["MLFLOW_TRACKING_URI"]  # a file of this machine
    for name, value in found.items():
        _refuse_passwords(value, name)
    return found


def open_jobs(address: str) -> Any:
    """Return Ray's client for the jobs of a cluster.

    Raises:
        SynaugError: an address of no known form (exit 2), nobody answers or we are refused (exit 5).
    """
    if not re.fullmatch(r"https?://[^/\s@]+/?", address):
        shown = redact(address)
        raise SynaugError(Problem(f"--address: expected http://HOST:PORT, got {shown!r}", fix=_DASHBOARD))
    prepare_environment(address)
    _ask(address.rstrip("/"))
    os.environ["RAY_API_SERVER_ADDRESS"] = address  # Ray would let RAY_ADDRESS overrule what it is given
    from ray.job_submission import JobSubmissionClient

    return JobSubmissionClient(address)


def follow(client: Any, job: str, say: Callable[[str], None]) -> int:
    """Say what a job says until it ends; return the exit code of its command.

    Raises:
        SynaugError: the connection broke (exit 5), the job goes on; or the head knows no such command
            (exit 6).
    """
    from aiohttp import ClientError

    said = 0

    async def lines() -> None:
        """Each connection starts with the first line; a busy head closes some before the job ends."""
        nonlocal said
        passed = 0
        async for text in client.tail_job_logs(job):
            new = text[max(0, said - passed) :]
            passed += len(text)
            said = max(said, passed)
            if new:
                say(new)

    try:
        while True:
            asyncio.run(lines())
            ended = client.get_job_info(job)
            if ended.status.is_terminal():
                break
            time.sleep(AGAIN_SECONDS)
    except (ClientError, RuntimeError, OSError) as error:
        text = f"the connection to job {job} broke: {redact(str(error)).splitlines()[0]}"
        raise SynaugError(Problem(text, fix="it may still run: ask for its status"), Exit.SERVICE) from error
    if ended.driver_exit_code == NOT_FOUND:
        text = f"job {job}: the PATH that Ray was started with on the head has no synaug"
        fix = "run `ray start` in the environment of the project, for example after `. .venv/bin/activate`"
        raise SynaugError(Problem(text, fix=fix), Exit.RESOURCES)
    if ended.driver_exit_code is not None:
        return int(ended.driver_exit_code)
    return int(Exit.OK if ended.status == "SUCCEEDED" else Exit.INTERRUPTED)


def _ask(address: str) -> None:
    """Ask the dashboard for its version: Ray's client would wait for ever, and say less."""
    from ray._private.authentication.http_token_authentication import get_auth_headers_if_auth_enabled

    headers = get_auth_headers_if_auth_enabled({})
    request = urllib.request.Request(f"{address}/api/version", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=PROBE_SECONDS) as answer:
            found = answer.read(10_000)
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            raise unreachable(
                address, "it refuses our token, or wants one that we have not", TOKEN
            ) from error
        raise unreachable(address, f"the server there answers {error.code}", _DASHBOARD) from error
    except (OSError, HTTPException) as error:
        raise unreachable(address, str(getattr(error, "reason", error)), _DASHBOARD) from error
    if b"ray_version" not in found:
        raise unreachable(address, "another service is there", _DASHBOARD)


def _refuse_passwords(text: str, where: str = "the command of the job") -> None:
    if redact(text) != text:
        fix = (
            "leave it out of the address, and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD on "
            "the cluster's head"
        )
        message = f"{redact(text)} holds a password, which all who see the dashboard could read"
        raise SynaugError(Problem(message, where, fix), Exit.INTEGRITY)
