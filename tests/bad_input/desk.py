"""A desk with data, an encoder and two specs; how a row of the cases is laid on it and run there."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sweeps.ledger import Ledger
from sweeps.places import places
from sweeps.prepare import prepare
from sweeps.resume import header, resolve
from sweeps.spec import load_spec
from tests.cli.bench import SPEC, lay_out

FIXED = "precision: float32\n"  # what is fast here need not be measured


def lay_desk(folder: Path, save_bert: Callable[..., None]) -> Path:
    """Write texts, encoder, ``my.yaml`` and ``nat.yaml``, which takes all rows of the data."""
    lay_out(folder, save_bert)
    (folder / "my.yaml").write_text(SPEC + FIXED)
    natural = [line for line in SPEC.splitlines() if not line.startswith("imbalance")]
    (folder / "nat.yaml").write_text("\n".join([*natural, FIXED]))
    return folder


def variants(argv: str) -> list[list[str]]:
    """The command lines that a row stands for."""
    if argv.startswith("CHECK "):
        rest = argv.removeprefix("CHECK ")
        found = [f"data {rest}", f"sweep {rest} --dry-run --json"]
    elif argv.startswith("DRYPLAN "):
        rest = argv.removeprefix("DRYPLAN ")
        found = [f"plan {rest}", f"sweep {rest} --json", f"sweep {rest} --dry-run"]
    elif argv.endswith(" DRY"):
        found = [argv.removesuffix(" DRY"), f"{argv.removesuffix(' DRY')} --dry-run --json"]
    else:
        found = [argv]
    return [shlex.split(line) for line in found]


def put(path: Path, content: Any) -> None:
    """Write one of a row's files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        content = {"text": content}
    if "link" in content:
        path.symlink_to(content["link"])
    elif "fifo" in content:
        os.mkfifo(path)
    elif "folder" in content:
        path.mkdir()
    else:
        text = _text(path, content).replace("\n", content.get("ends", "\n"))
        path.write_bytes(text.encode(content.get("encoding", "utf-8")))


def _text(path: Path, content: Mapping[str, Any]) -> str:
    import json

    if "classes" in content:
        labelled = {f"c{code:03}": content["each"] for code in range(content["classes"])}
        return _text(path, {"rows": labelled})
    if "rows" not in content:
        return str(content["text"]) * content.get("times", 1) + content.get("end", "")
    labels = [label for label, number in content["rows"].items() for _ in range(number)]
    texts = [f"a film {number}" for number in range(content.get("from", 0), 10**6)][: len(labels)]
    if path.suffix == ".jsonl":
        lines = [json.dumps({"text": t, "label": label}) for t, label in zip(texts, labels, strict=True)]
    else:
        lines = ["text,label", *(f"{t},{label}" for t, label in zip(texts, labels, strict=True))]
    more = content.get("more", "")
    return "\n".join(lines) + "\n" + (more if isinstance(more, str) else _text(path, more))


def begin(folder: Path, overrides: list[str], engine: int | None) -> None:
    """Begin the sweep ``runs/my`` of ``my.yaml``: its spec and the head of its ledger are written."""
    where = places(folder / "runs" / "my", environment={})
    spec = resolve(load_spec(folder / "my.yaml", overrides, name="my"), where, None)
    where.out.mkdir(parents=True)
    where.spec.write_text(spec.to_yaml())
    head = header(prepare(spec), where)
    if engine is not None:
        head["versions"] = head["versions"] | {"engine": engine}
    with Ledger(where.out, spec.name) as ledger:
        ledger.append("sweep", head)


@contextlib.contextmanager
def served(what: int | str | None) -> Iterator[str]:
    """Serve a status to every request, or take connections and say nothing; gives the address."""
    if what is None:
        yield ""
    elif what == "silence":
        with socket.create_server(("127.0.0.1", 0)) as listening:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    else:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _answering(int(what)))
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _answering(status: int) -> type[BaseHTTPRequestHandler]:
    class Answer(BaseHTTPRequestHandler):
        """Answers everything alike."""

        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Answer
