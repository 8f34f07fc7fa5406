"""What this machine computes with, found out without importing torch."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

_DEVICES = ("nvidia[0-9]*", "dxg", "kfd")  # of NVIDIA, of Windows' Linux, of AMD
_TOLD = ("model name", "flags", "Features")


@cache
def processor() -> tuple[str, ...]:
    """Kind and instruction sets of the processor, in words."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    told = {line for line in lines if line.startswith(_TOLD)}
    return (platform.machine(), *sorted(told))


def instruction_sets() -> frozenset[str]:
    """Names of the processor's instruction sets, such as ``avx512_bf16``; empty where they are not told."""
    return frozenset(word for line in processor() for word in line.split())


def may_have_gpu() -> bool:
    """Whether a device file of a GPU is there; only torch knows whether it can be used."""
    return any(True for pattern in _DEVICES for _ in Path("/dev").glob(pattern))
