"""The service container: services that plugins and tools share, by type, and secrets by name."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast

from ..errors import CompositionError

__all__ = ["Secrets", "Services"]

T = TypeVar("T")


class Secrets(Mapping[str, str]):
    """Secrets by name. Its repr holds the names only."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self._values))})"


class Services:
    """Service container with one service of each type.

    Attributes:
        secrets: the secrets that the bundle gives to its plugins.
    """

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        self.secrets = Secrets(secrets or {})
        self._services: dict[type[Any], object] = {}

    def provide(self, kind: type[T], service: T) -> None:
        """Register a service under a type, its own or a base of it.

        Raises:
            CompositionError: the type has a service already.
        """
        if kind in self._services:
            raise CompositionError(f"There is a {kind.__name__} in the service container already")
        self._services[kind] = service

    def get(self, kind: type[T]) -> T:
        """Return the service of this type.

        Raises:
            CompositionError: there is none; the message names the types that have one.
        """
        if kind not in self._services:
            available = ", ".join(sorted(existing.__name__ for existing in self._services)) or "nothing"
            raise CompositionError(f"There is no {kind.__name__} in the service container, but {available}")
        return cast("T", self._services[kind])

    def __contains__(self, kind: type[Any]) -> bool:
        return kind in self._services

    def __repr__(self) -> str:
        return f"Services({', '.join(sorted(kind.__name__ for kind in self._services))})"
