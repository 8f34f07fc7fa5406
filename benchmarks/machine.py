"""The machine that the figures come from, without its name."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_int8")
PACKAGES = ("torch", "numpy", "scikit-learn", "imbalanced-learn", "ray", "optuna", "mlflow")


def machine() -> dict[str, Any]:
    """Describe processor, memory and versions."""
    cpu, memory = _read("/proc/cpuinfo"), _read("/proc/meminfo")
    model = re.search(r"^model name\s*: (.*)$", cpu, re.MULTILINE)
    kilobytes = re.search(r"^MemTotal:\s*(\d+)", memory, re.MULTILINE)
    flags = set(cpu.split())
    return {
        "cpu": model[1] if model else platform.processor() or "unknown",
        "cores": os.cpu_count(),
        "instructions": [name for name in INSTRUCTIONS if name in flags],
        "memory_gib": round(int(kilobytes[1]) / 2**20, 1) if kilobytes else None,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def load() -> float:
    """Mean number of processes that wanted to run in the last minute."""
    return round(os.getloadavg()[0], 2)


def _read(path: str) -> str:
    file = Path(path)
    return file.read_text() if file.exists() else ""
