"""What a file for Ray's cluster launcher must be: valid to Ray, and safe."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

TOKEN = "~/.ray/auth_token"
# Ray lets any key into a provider and a node's configuration; these are the ones that our files use.
PROVIDER_KEYS = {
    "local": {"type", "head_ip", "worker_ips"},
    "aws": {"type", "region", "availability_zone", "cache_stopped_nodes"},
    "gcp": {"type", "region", "availability_zone", "project_id", "cache_stopped_nodes"},
}
NODE_KEYS = {
    "local": set[str](),
    "aws": {
        "InstanceType", "ImageId", "SecurityGroupIds", "MetadataOptions", "BlockDeviceMappings", "UserData",
        "InstanceMarketOptions",
    },
    "gcp": {
        "machineType", "disks", "networkInterfaces", "shieldedInstanceConfig", "metadata", "scheduling",
    },
}  # fmt: skip
SPOT = (("spot", None), (None, "SPOT"))
# The pattern for which the files are searched by hand, too, and the head of a private key.
SECRET = re.compile(r"0\.0\.0\.0|AKIA|password:|token:|-----BEGIN")


def problems(text: str) -> list[str]:
    """What is wrong with a launcher file; empty when nothing is."""
    found = [f"secret or open address: {line.strip()}" for line in text.splitlines() if SECRET.search(line)]
    try:
        config = yaml.safe_load(text)
        prepared = _prepared(config)
    except (
        Exception,
        SystemExit,
    ) as error:  # Ray raises what comes: jsonschema's, click's, KeyError, Exception
        return [*found, f"Ray refuses it: {type(error).__name__}: {str(error).splitlines()[:1]}"]
    return [*found, *_unknown_keys(config), *_unsafe(prepared), *_wasteful(config)]


def _prepared(config: Mapping[str, Any]) -> dict[str, Any]:
    """The file as ``ray up`` completes and checks it, offline."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared: dict[str, Any] = prepare_config(dict(config))
    validate_config(prepared)
    return prepared


def _unknown_keys(config: Mapping[str, Any]) -> Iterator[str]:
    kind = config["provider"]["type"]
    for key in config["provider"].keys() - PROVIDER_KEYS[kind]:
        yield f"provider.{key} is not known"
    for name, node in config.get("available_node_types", {}).items():
        for key in node["node_config"].keys() - NODE_KEYS[kind]:
            yield f"available_node_types.{name}.node_config.{key} is not known"


def _unsafe(config: Mapping[str, Any]) -> Iterator[str]:
    """Token, dashboard and environment, in the commands that will really run."""
    if config["file_mounts"].get(TOKEN) != TOKEN:
        yield "file_mounts do not ship the token"
    for part in ("head", "worker"):
        setup, start = config[f"{part}_setup_commands"], config[f"{part}_start_ray_commands"]
        if not any(f"chmod 600 {TOKEN}" in command for command in setup):
            yield f"{part}: the token file is not made private"
        if not any("pip install -q -r ~/synaug/requirements.lock" in command for command in setup):
            yield f"{part}: requirements.lock is not installed"
        starts = [command for command in start if "ray start" in command]
        if not starts:
            yield f"{part}: Ray is not started"
        for command in starts:
            if "export RAY_AUTH_MODE=token" not in command.split("ray start")[0]:
                yield f"{part}: Ray is started without RAY_AUTH_MODE=token"
    [head] = [command for command in config["head_start_ray_commands"] if "ray start" in command]
    if "--dashboard-host=127.0.0.1" not in head:
        yield "head: the dashboard is not on loopback"
    if "--autoscaling-config=~/ray_bootstrap_config.yaml" not in head:
        yield "head: no worker would be started"


def _wasteful(config: Mapping[str, Any]) -> Iterator[str]:
    """In a cloud machines cost money: idle ones must go, workers should be spot."""
    kind = config["provider"]["type"]
    if kind == "local":
        return
    if not 0 < config.get("idle_timeout_minutes", 0) <= 30:
        yield "idle_timeout_minutes: idle workers stay"
    if not any("stop-when-idle.sh" in command for command in config["head_start_ray_commands"]):
        yield "the head never stops by itself"
    workers = [name for name in config["available_node_types"] if name != config["head_node_type"]]
    for name in workers:
        node = config["available_node_types"][name]
        bought = node["node_config"]
        markets = bought.get("InstanceMarketOptions", {}), bought.get("scheduling", {})
        if (markets[0].get("MarketType"), markets[1].get("provisioningModel")) not in SPOT:
            yield f"{name} is not spot"
        if node.get("min_workers", 0):
            yield f"{name} never scales to nothing"
