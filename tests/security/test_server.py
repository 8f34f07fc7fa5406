"""A real MLflow server, as `synaug ui` starts it: who may ask (S05, S07, S08), and for which files (S09)."""

from __future__ import annotations

import base64
import http.client
import re
from collections.abc import Iterator
from urllib.parse import quote

import mlflow.server
import pytest

from tests.servers import free_port, running
from tracking import ParentRun, ensure_experiment, open_client, ui_command, ui_environment, write_parent
from tracking.schema import check_artifacts

SECRETS = {"MLFLOW_FLASK_SERVER_SECRET_KEY": "k" * 32, "MLFLOW_AUTH_ADMIN_PASSWORD": "a-long-admin-pass"}
SEARCH = "/api/2.0/mlflow/experiments/search"
# They say that a server is there and what it can do, and give the UI's own files; nothing of what it holds.
OPEN = {
    "/health",
    "/version",
    "/api/3.0/mlflow/server-info",
    "/ajax-api/3.0/mlflow/server-info",
    "/static-files/<path:path>",
}
TRAVERSALS = ("../../mlflow.db", "..%2F..%2Fmlflow.db", "%2e%2e/%2e%2e/mlflow.db", "/etc/passwd", "a/../../x")


def ask(port: int, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Return status and body of a request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, "{}" if method != "GET" else None, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


def test_a_page_of_a_foreign_site_changes_nothing(server: int) -> None:
    json = {"Content-Type": "application/json"}
    foreign = json | {"Origin": "https://evil.example"}
    path = "/api/2.0/mlflow/experiments/create"
    assert ask(server, "POST", path, foreign)[0] == 403
    assert ask(server, "POST", path, json | {"Origin": f"http://127.0.0.1:{server}"})[0] != 403
    assert ask(server, "GET", f"{SEARCH}?max_results=1", {"Host": "evil.example"})[0] == 403


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leads_out_of_the_artifacts(server: int, sweep_run: str, path: str) -> None:
    once = path if "%" in path else quote(path, safe="")
    for route in (
        f"/get-artifact?run_uuid={sweep_run}&path={once}",
        f"/api/2.0/mlflow-artifacts/artifacts/{once}",
        f"/api/2.0/mlflow/artifacts/list?run_id={sweep_run}&path={once}",
    ):
        status, body = ask(server, "GET", route)
        assert status in (400, 404), f"{route}: {status}"
        assert "SQLite format" not in body
        assert "root:" not in body


@pytest.fixture(scope="module")
def sweep_run(server: int) -> str:
    """The id of a run with an artifact."""
    client = open_client(f"http://127.0.0.1:{server}")
    experiment = ensure_experiment(client, "artifact-paths", None)
    return write_parent(client, experiment, ParentRun("artifact-paths", artifacts={"a.json": b"{}"}))


@pytest.mark.parametrize(
    "path", ["../up.json", "/etc/x.json", "a//b.json", "a/./b.json", "<b>.html", "a b.json", ".x"]
)
def test_we_name_artifacts_by_plain_words_only(path: str) -> None:
    with pytest.raises(AssertionError, match="outside the run's folder"):
        check_artifacts("a", {path: b""})


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server that asks for a password."""
    folder, port = tmp_path_factory.mktemp("protected"), free_port()
    uri = f"sqlite:///{folder}/mlflow.db"
    command = ui_command(uri, str(folder / "artifacts"), port=port, basic_auth=True, environment=SECRETS)
    with running(command, ui_environment(uri) | SECRETS, port, folder):
        yield port


@pytest.mark.slow
def test_a_protected_server_answers_nobody_without_a_password(protected: int) -> None:
    rules = [rule for rule in mlflow.server.app.url_map.iter_rules() if rule.rule not in OPEN]
    assert len(rules) > 50
    answered = []
    for rule in rules:
        path = re.sub(r"<[^>]*>", "1", rule.rule)
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} & set(rule.methods or ()):
            status, said = ask(protected, method, path, {"Content-Type": "application/json"})
            if status != 401:
                answered.append(f"{method} {path}: {status} {said!r}"[:300])
    assert answered == []
    for user, status in (("admin:wrong", 401), (f"admin:{SECRETS['MLFLOW_AUTH_ADMIN_PASSWORD']}", 200)):
        word = base64.b64encode(user.encode()).decode()
        assert (
            ask(protected, "GET", f"{SEARCH}?max_results=1", {"Authorization": f"Basic {word}"})[0] == status
        )
