"""What the lifecycle needs of a provider of tools, and the values that pass between them."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol, TypeVar

__all__ = ["Plan", "ProviderResource", "ToolProvider", "make_provider_getter"]

Plan = Mapping[str, str]
"""What is written down before a resource is made, so that it can be found again: names, references, a number."""

SettingsT = TypeVar("SettingsT", bound=Hashable)
ProviderT = TypeVar("ProviderT")


@dataclass(frozen=True, slots=True)
class ProviderResource:
    """Something that exists at a provider."""

    id: str
    """The provider's id, as its delete call takes it: key hash, inbox id, phone number in E.164."""
    name: str
    """The name, client id or reference that it carries; empty where the listing does not tell."""
    env: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    """The variables that a runtime needs to use it; may hold a secret. Empty for resources found by listing."""
    meta: dict[str, str] = field(default_factory=dict[str, str])
    """Further facts that are worth keeping and no secret."""


class ToolProvider(Protocol):
    """A provider of one resource per instance and tool.

    All methods raise ProviderRejected, ProviderUnavailable or ProviderTimeout. `create` may raise the latter two after
    the resource was made; `find` then tells.
    """

    adoptable: bool
    """Whether a resource that `find` returns can be used as it is (its `env` is complete), or must be made anew."""

    def plan(self, reference: str, operation_id: str) -> Plan:
        """Choose what `create` will make. `reference` is the name that it must carry, `incarnation` differs for each
        operation, so that a name made earlier for the same instance is not taken for this one."""
        ...

    def create(self, plan: Plan, options: Mapping[str, object]) -> ProviderResource:
        """Make the resource. Safe to call again with the same plan once `find` has said that there is none."""
        ...

    def find(self, plan: Plan) -> list[ProviderResource]:
        """Everything that `create` with this plan has made and that still exists."""
        ...

    def list(self) -> Iterator[ProviderResource]:
        """Everything of this kind in the account, all pages."""
        ...

    def exists(self, resource_id: str) -> bool:
        """Whether it is there, by asking for it alone."""
        ...

    def delete(self, resource_id: str) -> bool:
        """Delete it. True if it was there, False if it was gone already; returns only when it is gone for sure."""
        ...


def make_provider_getter(
    load_settings: Callable[[], SettingsT | None], create_provider: Callable[[SettingsT], ProviderT]
) -> Callable[[], ProviderT | None]:
    """Return a function that gives the provider of the settings, one per process; None where it is not configured.

    Changed settings give a new provider.
    """
    create_once = lru_cache(maxsize=1)(create_provider)

    def get_provider() -> ProviderT | None:
        settings = load_settings()
        return None if settings is None else create_once(settings)

    return get_provider
