"""Kubernetes and compose files: of the shape that their readers expect, safe; planted mistakes are seen."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import jsonschema
import mlflow
import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "cluster"
SCHEMAS = {
    name: jsonschema.Draft202012Validator(json.loads((Path(__file__).parent / "schemas" / name).read_text()))
    for name in ("kubernetes.json", "compose.json")
}
FILES = {
    "raycluster.yaml": "kubernetes.json",
    "rayjob.yaml": "kubernetes.json",
    "network.yaml": "kubernetes.json",
    "mlflow/compose.yaml": "compose.json",
}
MISTAKES = [
    ("raycluster.yaml", "rayVersion:", "rayVersoin:"),
    ("raycluster.yaml", "authOptions: {mode: token}", "authOptions: {mode: disabled}"),
    ("raycluster.yaml", "  authOptions: {mode: token}\n", ""),
    ("raycluster.yaml", "idleTimeoutSeconds: 600", "idleTimeoutSecond: 600"),
    ("raycluster.yaml", "serviceType: ClusterIP", "serviceType: LoadBalancer"),
    ("raycluster.yaml", "runAsNonRoot: true", "runAsNonRoot: false"),
    ("raycluster.yaml", "runAsUser: 1000", "runAsUser: 0"),
    ("raycluster.yaml", "drop: [ALL]", "drop: []"),
    ("raycluster.yaml", "image: ${SYNAUG_IMAGE}", "image: synaug:latest"),
    ("raycluster.yaml", "containerPort: 8265", "containerPort: 82650"),
    ("raycluster.yaml", "memory: 8Gi}", "memory: 8GB}"),
    ("raycluster.yaml", "maxReplicas: 8", "maxReplica: 8"),
    ("raycluster.yaml", "valueFrom: {secretKeyRef: {name: mlflow-login, key: password}}", "value: hunter2"),
    ("raycluster.yaml", "emptyDir: {medium: Memory", "emptydir: {medium: Memory"),
    ("raycluster.yaml", 'rayStartParams: {num-cpus: "1"}', "rayStartParams: {num-cpus: 1}"),
    ("rayjob.yaml", "shutdownAfterJobFinishes: true", "shutdownAfterJobFinishes: false"),
    ("rayjob.yaml", "entrypoint: synaug sweep", "entrypoint: synaug swep"),
    ("rayjob.yaml", "backoffLimit: 3", "backOffLimit: 3"),
    ("rayjob.yaml", "submissionMode: K8sJobMode", "submissionMode: K8sMode"),
    ("network.yaml", "policyTypes: [Ingress]", "policyTypes: [Egress]"),
    ("network.yaml", "accessModes: [ReadWriteOnce]", "accessModes: [ReadWrite]"),
    ("network.yaml", "podSelector: # the operator", "podSelecter: # the operator"),
    ("mlflow/compose.yaml", "127.0.0.1:5000:5000", "0.0.0.0:5000:5000"),
    ("mlflow/compose.yaml", "127.0.0.1:5000:5000", "5000:5000"),
    ("mlflow/compose.yaml", "${POSTGRES_PASSWORD:?a long random word}", "hunter2"),
    ("mlflow/compose.yaml", "${MLFLOW_SECRET_KEY:?a long random word}", "${MLFLOW_SECRET_KEY:-secret}"),
    ("mlflow/compose.yaml", "mlflow:${POSTGRES_PASSWORD}@", "mlflow:hunter2@"),
    ("mlflow/compose.yaml", "${POSTGRES_IMAGE:?postgres:17-alpine@sha256:...}", "postgres:17"),
    ("mlflow/compose.yaml", "healthcheck:", "healtcheck:"),
    ("mlflow/compose.yaml", "depends_on:", "depend_on:"),
    ("mlflow/compose.yaml", "no-new-privileges:true", "no-new-privileges:false"),
    ("mlflow/compose.yaml", "interval: 5s", "interval: 5"),
]


def documents(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


def faults(name: str, text: str) -> list[str]:
    """What the schema has against a file."""
    return [error.message for part in documents(text) for error in SCHEMAS[FILES[name]].iter_errors(part)]


@pytest.mark.parametrize("name", FILES)
def test_the_file_has_the_shape(name: str) -> None:
    assert faults(name, (DOCS / name).read_text()) == []


@pytest.mark.parametrize(("name", "right", "wrong"), MISTAKES)
def test_a_mistake_is_seen(name: str, right: str, wrong: str) -> None:
    text = (DOCS / name).read_text()
    assert right in text
    assert faults(name, text.replace(right, wrong, 1))


def test_the_schemas_are_schemas() -> None:
    for validator in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(validator.schema)


def test_a_job_has_the_cluster_of_raycluster() -> None:
    [cluster] = documents((DOCS / "raycluster.yaml").read_text())
    [job] = documents((DOCS / "rayjob.yaml").read_text())
    assert job["spec"]["rayClusterSpec"] == cluster["spec"]


def test_ray_is_the_locks() -> None:
    [cluster] = documents((DOCS / "raycluster.yaml").read_text())
    assert f"ray=={cluster['spec']['rayVersion']}" in (ROOT / "requirements.lock").read_text().splitlines()


def test_volumes_that_are_mounted_exist() -> None:
    [cluster] = documents((DOCS / "raycluster.yaml").read_text())
    claim, policy = documents((DOCS / "network.yaml").read_text())
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]
    for pod in (group["template"]["spec"] for group in groups):
        mounted = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}
    [runs, _] = groups[0]["template"]["spec"]["volumes"]
    assert runs["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    labels = policy["spec"]["podSelector"]["matchLabels"].items()
    assert all(labels <= group["template"]["metadata"]["labels"].items() for group in groups)


def test_mlflow_asks_for_a_login_and_knows_its_hosts() -> None:
    [compose] = documents((DOCS / "mlflow" / "compose.yaml").read_text())
    server = compose["services"]["mlflow"]
    assert "--app-name=basic-auth" in server["command"]
    assert any(word.startswith("--allowed-hosts=") and "*" not in word for word in server["command"])
    assert {"MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY"} <= server["environment"].keys()
    assert "ports" not in compose["services"]["postgres"]
    for service in compose["services"].values():
        named = {volume.split(":")[0] for volume in service["volumes"]}
        assert all(name in compose["volumes"] or (DOCS / "mlflow" / name).is_file() for name in named)


def test_mlflows_logins_are_as_it_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    origin = (
        Path(mlflow.__file__).parent / "server" / "auth" / "config.py"
    )  # its package imports a whole server
    spec = importlib.util.spec_from_file_location("auth_config", origin)
    assert spec is not None
    assert spec.loader is not None
    config = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(config)
    monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", str(DOCS / "mlflow" / "basic_auth.ini"))
    monkeypatch.setenv("MLFLOW_AUTH_ADMIN_PASSWORD", "of the environment")
    found = config.read_auth_config()
    assert found.default_permission == "NO_PERMISSIONS"
    assert found.admin_password == "of the environment"
