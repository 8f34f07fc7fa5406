"""The Hugging Face hub: whether it answers, asked quickly, and what lies in its cache on this machine."""

from __future__ import annotations

import http.client
import os
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")


def reachable(seconds: float = 5.0) -> bool:
    """Ask the hub (or ``HF_ENDPOINT``) for a sign of life, for at most ``seconds``.

    The libraries repeat a failing request for up to 70 s; this never does. False without asking
    when one of the offline variables is set.
    """
    if any(os.environ.get(name, "").upper() in {"1", "ON", "YES", "TRUE"} for name in OFFLINE):
        return False
    answered = threading.Event()
    # In a thread, because looking up a host name cannot be given a time limit.
    asking = threading.Thread(target=_ask, args=(_endpoint(), seconds, answered), daemon=True)
    asking.start()
    asking.join(seconds)
    return answered.is_set()


def network_errors() -> tuple[type[Exception], ...]:
    """Name the errors that the hub's libraries raise for a service that fails or refuses."""
    from huggingface_hub.errors import HfHubHTTPError

    # Its base is the HTTP library's own error, whichever library this version uses.
    return (*(base for base in HfHubHTTPError.__bases__ if base is not OSError), ConnectionError)


def remedy(command: str) -> str:
    """Say how to get something onto a machine without access to the hub; ``command`` fetches it."""
    host = urllib.parse.urlsplit(_endpoint()).hostname
    return (
        f"where {host} can be reached run `{command}` and copy the cache here (HF_HOME names its folder), "
        "unset HF_HUB_OFFLINE where it is set, or give a local folder"
    )


def cached_models() -> list[str]:
    """List the models in the hub's cache on this machine."""
    from huggingface_hub import constants

    folders = Path(constants.HF_HUB_CACHE).glob("models--*")
    return sorted(folder.name.removeprefix("models--").replace("--", "/") for folder in folders)


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT") or "https://huggingface.co"


def _ask(address: str, seconds: float, answered: threading.Event) -> None:
    if not address.startswith(("http://", "https://")):
        return
    try:
        urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=seconds).close()
    except urllib.error.HTTPError:
        pass  # an answer, if an unfriendly one
    except (OSError, http.client.HTTPException):
        return
    answered.set()
