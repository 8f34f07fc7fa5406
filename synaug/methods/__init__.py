"""The arms of a sweep, one file each."""

from __future__ import annotations

from ..registry import Registry
from .base import Method

METHODS: Registry[type[Method]] = Registry("method", __name__)

__all__ = ["METHODS", "Method"]
