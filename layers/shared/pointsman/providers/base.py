"""The protocol of a tool provider, and the values that its methods take and return."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, Protocol, TypeVar

__all__ = ["Deletion", "Plan", "ProviderResource", "ToolProvider", "delete_resource", "make_provider_getter"]

Plan = Mapping[str, str]
"""What is written to the journal before a resource is created, enough to find it again: names, references, a number."""

SettingsT = TypeVar("SettingsT", bound=Hashable)
ProviderT = TypeVar("ProviderT")


@dataclass(frozen=True, slots=True)
class ProviderResource:
    """A resource that exists at a provider."""

    id: str
    """The provider's id, as its delete call takes it: key hash, inbox id, phone number in E.164."""
    name: str
    """Its name, client id or reference; empty where the listing does not include it."""
    env: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    """The environment variables with which a runtime uses it; may hold secrets. Empty for listed resources."""
    meta: dict[str, str] = field(default_factory=dict[str, str])
    """Further facts, for the records; no secrets."""


class Deletion(NamedTuple):
    """The provider's answer to a deletion.

    `existed` tells whether the resource was there; `is_confirmed` whether it is gone by this answer alone.
    """

    existed: bool
    is_confirmed: bool


class ToolProvider(Protocol):
    """A provider that sells one resource per instance and tool.

    All methods raise ProviderRejected, ProviderUnavailable or ProviderTimeout. After one of the latter two `create` may
    have created the resource; `find` shows whether it has.
    """

    adoptable: bool
    """Whether a resource that `find` returns has a complete `env`; otherwise it must be deleted and created again."""

    plans_offline: bool
    """Whether `plan` calls no provider."""

    def plan(self, reference: str, operation_id: str) -> Plan:
        """Choose what `create` creates.

        Args:
            reference: The name that the resource carries, `convos-agent-<instance>`.
            operation_id: Tells this resource from those that earlier operations created for the same instance.
        """
        ...

    def create(self, plan: Plan, options: Mapping[str, object]) -> ProviderResource:
        """Create the resource. May be repeated with the same plan after `find` has returned none.

        Args:
            plan: What `plan` returned.
            options: The client's options for this tool.
        """
        ...

    def find(self, plan: Plan) -> list[ProviderResource]:
        """Return all existing resources that `create` created with this plan."""
        ...

    def list(self) -> Iterator[ProviderResource]:
        """Yield all resources of this kind in the account, from all pages."""
        ...

    def exists(self, resource_id: str) -> bool:
        """Whether the resource exists, by a request for it alone."""
        ...

    def complete(self, resource_id: str, plan: Plan) -> dict[str, str]:
        """Complete a created resource; return further facts for `meta`. Called only if the registry says so.

        The resource can be used without. After an error or an empty answer it may be called again. A provider whose
        resources are complete when they are created has nothing to do here.
        """
        del resource_id, plan
        return {}

    def start_deletion(self, resource_id: str, meta: Mapping[str, str]) -> Deletion:
        """Delete the resource, without waiting for a confirmation.

        Args:
            resource_id: The resource.
            meta: The `meta` of the resource, as far as it is known; it may save a lookup.
        """
        ...

    def confirm_deletion(self, resource_id: str) -> None:
        """Wait until a deletion that was not confirmed by its answer is; ProviderUnavailable if it is not in time.

        A provider whose answers confirm all deletions has nothing to do here.
        """
        del resource_id


def delete_resource(provider: ToolProvider, resource_id: str, meta: Mapping[str, str] | None = None) -> bool:
    """Delete a resource and return once it is confirmed deleted; False if it did not exist. Raises as the provider."""
    deletion = provider.start_deletion(resource_id, meta or {})
    if not deletion.is_confirmed:
        provider.confirm_deletion(resource_id)
    return deletion.existed


def make_provider_getter(
    load_settings: Callable[[], SettingsT | None], create_provider: Callable[[SettingsT], ProviderT]
) -> Callable[[], ProviderT | None]:
    """Make the `get_provider` function of a provider's module.

    Args:
        load_settings: Returns the settings, None if the provider is not configured.
        create_provider: The provider's class.

    Returns:
        A function that returns None, or the provider of the settings: one per process, a new one after they change.
    """
    create_once = lru_cache(maxsize=1)(create_provider)

    def get_provider() -> ProviderT | None:
        settings = load_settings()
        return None if settings is None else create_once(settings)

    return get_provider
