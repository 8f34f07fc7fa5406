"""Whether a Ray head is at an address, and lets us in: in seconds, for Ray itself waits for minutes."""

from __future__ import annotations

import os
import re
import socket
from typing import Any

from synaug.errors import Exit, Problem, SynaugError

from .nodes import SAME
from .telemetry import TELEMETRY_OFF
from .token import has_token

PROBE_SECONDS = 5.0
CLIENT = "ray://"
_FORMS = "local, auto, HOST:PORT or ray://HOST:PORT"
_START = "start one with `ray start --head`, or run on this machine with --address local"
REFUSED = "it refuses our token, or wants one that we have not"
TOKEN = (
    "give this machine the cluster's token: RAY_AUTH_TOKEN_PATH names its file (mode 600), and "
    "RAY_AUTH_MODE=token says that it is asked for"
)
QUIET = TELEMETRY_OFF | {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_DEDUP_LOGS": "0"}


def prepare_environment(address: str) -> None:
    """Set what Ray reads from the environment when it is imported."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if address != "local" and has_token():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def check_address(address: str) -> None:
    """Find out in a few seconds whether a cluster is there and lets us in; connects nothing.

    Raises:
        SynaugError: the address has no known form (exit 2), nobody answers or we are refused (exit 5),
            or another version of Ray answers (exit 6).
    """
    if address in ("local", "auto"):
        return
    match = re.fullmatch(r"(?:ray://)?(\[[^\]]+\]|[^:/\s]+):(\d{1,5})", address)
    if match is None:
        raise SynaugError(
            Problem(
                f"--address: expected {_FORMS}, got {address!r}",
                "--address",
                "for example --address 10.0.0.5:6379",
                "D30",
            )
        )
    host, port = match[1], int(match[2])
    try:
        socket.create_connection((host.strip("[]"), port), timeout=PROBE_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise unreachable(address, str(error)) from error
    _ask(address, f"{host}:{port}")


def unreachable(address: str, reason: str, fix: str = _START) -> SynaugError:
    """The error of a cluster that does not answer."""
    text = f"no Ray cluster answers at {address}: {reason}"
    return SynaugError(Problem(text, "--address", fix, "D30"), Exit.SERVICE)


def version_error(address: str, there: str, here: str) -> SynaugError:
    """The error of a head with another version than ours."""
    text = f"the head at {address} runs Ray {there}, this machine runs Ray {here}"
    return SynaugError(Problem(text, fix=SAME), Exit.RESOURCES)


def _ask(address: str, target: str) -> None:
    """Ask the head for a sign of life, as Ray would: its port speaks gRPC and may want a token."""
    prepare_environment(address)
    import grpc
    import ray
    from ray._private.grpc_utils import init_grpc_channel

    channel = init_grpc_channel(target)
    try:
        version = _client_version(channel) if address.startswith(CLIENT) else _head_version(channel)
    except grpc.RpcError as error:
        raise _refused(address, error) from error
    finally:
        channel.close()
    if version is not None and version != ray.__version__:
        raise version_error(address, version, ray.__version__)


def _head_version(channel: Any) -> str:
    from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc

    messages: Any = gcs_service_pb2
    services: Any = gcs_service_pb2_grpc
    stub = services.NodeInfoGcsServiceStub(channel)
    return str(stub.CheckAlive(messages.CheckAliveRequest(), timeout=PROBE_SECONDS).ray_version)


def _client_version(channel: Any) -> str | None:
    """None: the clients' server says its version only to who joins."""
    from ray.core.generated import ray_client_pb2, ray_client_pb2_grpc

    messages: Any = ray_client_pb2
    services: Any = ray_client_pb2_grpc
    ping = messages.ClusterInfoRequest(type=messages.ClusterInfoType.PING)
    services.RayletDriverStub(channel).ClusterInfo(ping, timeout=PROBE_SECONDS)
    return None


def _refused(address: str, error: Any) -> SynaugError:
    import grpc

    match error.code():
        case grpc.StatusCode.UNAUTHENTICATED | grpc.StatusCode.PERMISSION_DENIED:
            return unreachable(address, REFUSED, TOKEN)
        case grpc.StatusCode.UNIMPLEMENTED:
            other = address.removeprefix(CLIENT) if address.startswith(CLIENT) else CLIENT + address
            return unreachable(address, "another service is there", f"perhaps {other} was meant")
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return unreachable(address, f"what listens there said nothing for {PROBE_SECONDS:.0f} s")
        case _:
            lines = str(error.details()).strip().splitlines()
            return unreachable(address, lines[0] if lines else error.code().name)
