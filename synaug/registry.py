"""Registries: a method or classifier is one file; everything else is read from its class."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection, Iterator
from typing import Generic, TypeVar

from .errors import Exit, Problem, SynaugError, did_you_mean

T = TypeVar("T", bound=type)


class Registry(Generic[T]):
    """Names to classes. The modules of ``package`` but those to ``skip`` are imported when first asked."""

    def __init__(self, kind: str, package: str, skip: Collection[str] = ()):
        self.kind = kind
        self._package, self._skip = package, frozenset(skip)
        self._entries: dict[str, T] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorate a class to make it known under ``name``."""

        def add(cls: T) -> T:
            assert name not in self._entries, f"{self.kind} {name!r} registered twice"
            self._entries[name] = cls
            cls.name = name  # type: ignore[attr-defined]
            return cls

        return add

    def _load(self) -> None:
        if self._loaded:
            return
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            if module.name not in self._skip:
                importlib.import_module(f"{self._package}.{module.name}")
        self._loaded = True

    def names(self) -> tuple[str, ...]:
        """List the names, simplest first: by the class's ``order``, then by name."""
        self._load()
        return tuple(sorted(self._entries, key=lambda n: (getattr(self._entries[n], "order", 99), n)))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __getitem__(self, name: str) -> T:
        self._load()
        if name not in self._entries:
            known = self.names()
            raise SynaugError(
                Problem(
                    f"unknown {self.kind} {name!r}{did_you_mean(name, known)}",
                    fix="use one of " + ", ".join(known),
                    code="D24",
                ),
                Exit.SPEC,
            )
        return self._entries[name]
