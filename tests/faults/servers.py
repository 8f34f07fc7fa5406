"""A real MLflow server, to be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from tests.servers import answers, free_port
from tracking import ui_command, ui_environment


class Server:
    """An MLflow server that can be killed and started again at the same address."""

    def __init__(self, folder: Path):
        self.port, self._store = free_port(), f"sqlite:///{folder}/mlflow.db"
        self._artifacts, self._log = str(folder / "artifacts"), folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                ui_command(self._store, self._artifacts, port=self.port),
                env=os.environ | ui_environment(self._store),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until = time.monotonic() + 120
        while not answers(self.port):
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.2)

    def kill(self) -> None:
        """Kill it with its workers, as a machine that goes down does."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
