"""What carries our name at the providers: reading it, looking at one thing of it, deleting one."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from ..db import connection, orphans
from ..errors import ProviderRejected
from ..providers import railway
from ..providers.base import Resource
from ..providers.reading import moment
from ..providers.registry import tool_provider
from ..settings.runtime import RuntimeSettings
from . import naming

__all__ = ["RAILWAY", "Found", "Listing", "delete", "is_there", "read", "volumes_now"]

RAILWAY = "railway"


@dataclass(frozen=True, slots=True)
class Found:
    """A thing in a listing. `kind` is `service`, `volume` or `tool`; `created_at` is None where nobody tells.

    `service_id` is where a volume is attached; its `name` is that service's. A volume that is attached to none carries
    no name at all.
    """

    provider: str
    kind: str
    id: str
    name: str
    created_at: datetime | None = None
    service_id: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A complete listing of a provider. `named` is how many services or tools' resources carry our name."""

    found: list[Found]
    named: int


def read(provider: str) -> Listing | None:
    """All that carries our name, read to the end; None where the provider has no credentials.

    Raises ProviderError where it cannot be read to the end, MissingSetting.
    """
    if provider == RAILWAY:
        return _railway()
    tools = tool_provider(provider)
    if tools is None:
        return None
    resources = {one.id: one for one in tools.list() if one.id and naming.instance_of(one.name)}
    shared = _digits(RuntimeSettings.load().variables.get("TELNYX_PHONE_NUMBER", ""))
    # The number in the settings is handed to every instance, whatever reference it carries.
    ours = [one for one in resources.values() if provider != "telnyx" or _digits(one.id) != shared]
    return Listing([_tool(provider, one) for one in ours], len(ours))


def _tool(provider: str, resource: Resource) -> Found:
    return Found(provider, "tool", resource.id, resource.name, moment(resource.meta.get("created_at")))


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)


def _railway() -> Listing:
    client = railway.configured()
    here = {one.service_id: one.name for one in client.instances() if naming.instance_of(one.name)}
    made = {one.id: one.created_at for one in client.list_services()}
    found = [Found(RAILWAY, "service", one, name, made.get(one)) for one, name in here.items()]
    volumes = list(client.list_volumes())
    found += [
        Found(RAILWAY, "volume", one.id, here[one.service_id], service_id=one.service_id)
        for one in volumes
        if one.service_id in here
    ]
    detached = [one.id for one in volumes if one.service_id is None]
    once = connection.run(lambda db: orphans.once_known(db, detached)) if detached else set[str]()
    found += [Found(RAILWAY, "volume", one, "") for one in detached if one in once]
    return Listing(found, len(here))


def is_there(found: Found) -> bool:
    """A look at the one thing. A service that has been deployed in another environment is not ours to find.

    Raises ProviderError, InvalidInput for an id that cannot be asked for.
    """
    if found.provider != RAILWAY:
        tools = tool_provider(found.provider)
        return tools is not None and tools.exists(found.id)
    client = railway.configured()
    if found.kind == "volume":
        return volumes_now().get(found.id, "") == found.service_id
    return client.service_exists(found.id) and client.environments_of(found.id) <= {client.environment_id}


def volumes_now() -> dict[str, str | None]:
    """Each volume of the environment, and the service that it is attached to."""
    return {one.id: one.service_id for one in railway.configured().list_volumes()}


def delete(found: Found, volume_ids: Collection[str]) -> None:
    """Delete it; a service's volumes first, because nothing tells which they were when it is gone.

    Raises ProviderError; what has been deleted by then is deleted.
    """
    if found.provider == RAILWAY:
        client = railway.configured()
        for volume_id in volume_ids:
            client.delete_volume(volume_id)
        client.delete_service(found.id)
        return
    tools = tool_provider(found.provider)
    if tools is None:
        raise ProviderRejected(found.provider, "delete", "its credentials are not set", reason="unauthorized")
    tools.delete(found.id)
