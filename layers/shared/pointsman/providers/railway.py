"""Railway: services, volumes, domains and deployments of one project and environment.

Nothing here has an idempotency key, reads lag writes, and refusals come as texts on HTTP 200; so creates are repeated
only where nothing was done, and a delete that meets an ambiguous answer looks whether the thing is still there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from ..errors import MissingSetting, ProviderRejected, ProviderUnavailable
from ..settings.railway import RailwaySettings
from . import railway_queries as queries
from .http import Client, Said, Wire
from .railway_errors import explain, meaning
from .railway_queries import Operation
from .railway_things import Deployment, Instance, Service, Volume
from .reading import Json, mapping, mappings, moment, text

__all__ = ["Deployment", "Instance", "Railway", "Service", "Volume", "configured"]

PAGE = 500
"""Rows asked for at once; the official CLI asks for as many. A server that gives fewer is followed all the same."""
VISIBLE_AFTER = (0.7, 1.5)
"""Seconds to wait, each time, for something just made to become visible to what depends on it."""

T = TypeVar("T")


@lru_cache(maxsize=1)
def _built(settings: RailwaySettings) -> "Railway":
    return Railway(settings)


def configured() -> "Railway":
    """The Railway of the settings, one per process. Raises MissingSetting."""
    return _built(RailwaySettings.load())


class Railway:
    """All methods raise ProviderRejected, ProviderUnavailable or ProviderTimeout, their `step` being the operation."""

    def __init__(self, settings: RailwaySettings, wire: Wire | None = None) -> None:
        self.project_id = settings.project_id
        self._environment_id = settings.environment_id
        self._environment_name = settings.environment_name
        # Railway's edge has stricter rules for POSTs to the bare address. An address with a query of its own keeps it.
        url = settings.url if "?" in settings.url else f"{settings.url.rstrip('/')}?source=pointsman"
        self.client = Client("railway", url, token=settings.token, timeout=settings.timeout, explain=explain, wire=wire)

    @property
    def environment_id(self) -> str:
        """The environment's id, looked up by its name once where only that is set; case counts where two differ in it.

        Raises MissingSetting with the names that there are where none has it.
        """
        if not self._environment_id:
            there = {
                text(node.get("name")): text(node.get("id"))
                for node in self._pages(queries.ENVIRONMENTS, {"projectId": self.project_id})
            }
            wanted = self._environment_name
            alike = [name for name in there if name.lower() == wanted.lower()]
            named = [wanted] if wanted in there else alike
            if len(named) != 1 or not there[named[0]]:
                names = ", ".join(sorted(there)) or "none"
                raise MissingSetting(
                    "RAILWAY_ENVIRONMENT_NAME",
                    f"the project has no environment {wanted!r}; there are: {names}",
                )
            self._environment_id = there[named[0]]
        return self._environment_id

    # Services

    def create_service(self, name: str) -> str:
        """Create a service without a source, so that nothing is deployed yet, and return its id.

        `name` is at most 32 characters and unique in the project: one that exists is ProviderRejected with the reason
        `taken`.
        """
        given = {"projectId": self.project_id, "environmentId": self.environment_id, "name": name}
        return self._made(queries.SERVICE_CREATE, {"input": given}, "id")

    def find_services(self, name: str) -> list[Service]:
        """The services of exactly this name. None just after a lost answer proves nothing: listings lag."""
        return [service for service in self.list_services() if service.name == name]

    def list_services(self) -> Iterator[Service]:
        """Every service of the project."""
        for node in self._unique(self._pages(queries.SERVICES, {"id": self.project_id}), "id"):
            created = moment(node.get("createdAt")) or datetime.min.replace(tzinfo=UTC)
            yield Service(text(node.get("id")), text(node.get("name")), created)

    def service_exists(self, service_id: str) -> bool:
        """Whether the service is in the environment, by asking for it alone. One that Railway refuses to tell of is
        `Not Authorized` like one that is gone: False."""
        try:
            self._read(queries.LATEST_DEPLOYMENT, self._instance(service_id))
        except ProviderRejected as error:
            if error.reason not in ("unauthorized", "not_found"):
                raise
            return False
        return True

    def environments_of(self, service_id: str) -> set[str]:
        """The environments in which the service has ever been deployed. It is made in all that there are, for Railway
        does not take the one that is given, so that being in one says nothing of who uses it."""
        given = {"input": {"projectId": self.project_id, "serviceId": service_id}}
        return {text(node.get("environmentId")) for node in self._pages(queries.DEPLOYMENTS, given)}

    def delete_service(self, service_id: str) -> bool:
        """Delete a service; True if it was there. Its volume is not deleted with it, reliably: delete that first.

        For a service that is gone Railway says `Not Authorized` and the like, as it does for others that it refuses, so
        such an answer counts as gone only when a complete listing lacks the service.
        """
        return self._delete(
            queries.SERVICE_DELETE,
            {"id": service_id},
            lambda: any(service.id == service_id for service in self.list_services()),
        )

    # Volumes

    def create_volume(self, service_id: str, mount_path: str) -> str:
        """Create a volume, attach it to the service, and return its id."""
        given = {
            "projectId": self.project_id,
            "environmentId": self.environment_id,
            "serviceId": service_id,
            "mountPath": mount_path,
        }
        return self._once_visible(lambda: self._made(queries.VOLUME_CREATE, {"input": given}, "id"))

    def find_volumes(self, service_id: str) -> list[Volume]:
        """The volumes attached to the service. The listing lags by half a minute at worst."""
        return [volume for volume in self.list_volumes() if volume.service_id == service_id]

    def list_volumes(self) -> Iterator[Volume]:
        """Every volume in the environment but those whose deletion is under way (they stay listed for 48 hours)."""
        seen: set[str] = set()
        for node in self._pages(queries.VOLUMES, {"id": self.environment_id}):
            volume_id = text(mapping(node.get("volume")).get("id"))
            deleted = node.get("isPendingDeletion") or node.get("deletedAt")
            if not volume_id or volume_id in seen or deleted or node.get("state") in ("DELETING", "DELETED"):
                continue
            seen.add(volume_id)
            yield Volume(volume_id, text(node.get("serviceId")) or None, text(node.get("mountPath")))

    def delete_volume(self, volume_id: str) -> bool:
        """Delete a volume (restorable for 48 hours); True if it was there. Verified as a service's deletion is."""
        return self._delete(
            queries.VOLUME_DELETE,
            {"volumeId": volume_id},
            lambda: any(volume.id == volume_id for volume in self.list_volumes()),
        )

    # Domains

    def create_domain(self, service_id: str) -> str:
        """Give the service a domain of Railway's and return its name, without a scheme."""
        given = {"serviceId": service_id, "environmentId": self.environment_id}
        return self._once_visible(lambda: self._made(queries.SERVICE_DOMAIN_CREATE, {"input": given}, "domain"))

    def find_domain(self, service_id: str) -> str | None:
        """The service's domain of Railway's, None where there is none or the service is not visible (yet)."""
        try:
            found = self._read(queries.DOMAINS, self._instance(service_id))
        except ProviderRejected as error:
            if error.reason == "not_found":
                return None
            raise
        return _first_domain(mapping(mapping(found).get("domains")).get("serviceDomains"))

    # Deployments and configuration

    def deploy(
        self,
        service_id: str,
        *,
        image: str,
        start_command: str,
        variables: Mapping[str, str],
        vcpus: float | None = None,
        memory_bytes: int | None = None,
        message: str = "",
    ) -> None:
        """Configure the service and deploy it, in one atomic change; `message` is shown in Railway's history.

        The variables are added to those that are there. Doing it again changes nothing but deploys once more.
        """
        containers: dict[str, float] = {}
        if vcpus is not None:
            containers["cpu"] = _plain(vcpus)
        if memory_bytes is not None:
            containers["memoryBytes"] = memory_bytes
        deploy: dict[str, object] = {"startCommand": start_command}
        if containers:
            deploy["limitOverride"] = {"containers": containers}
        service: dict[str, object] = {
            "source": {"image": image},
            "deploy": deploy,
            "variables": {name: {"value": value} for name, value in variables.items()},
        }
        given: dict[str, object] = {"environmentId": self.environment_id, "patch": {"services": {service_id: service}}}
        if message:
            given["commitMessage"] = message
        self._once_visible(lambda: self._write(queries.ENVIRONMENT_PATCH_COMMIT, given, hide=variables.values()))

    def set_limits(self, service_id: str, vcpus: float, memory_gb: float) -> None:
        """Cap the service's processors and memory (GB)."""
        given = {**self._instance(service_id), "vCPUs": _plain(vcpus), "memoryGB": _plain(memory_gb)}
        self._agreed(queries.SERVICE_INSTANCE_LIMITS_UPDATE, {"input": given})

    def latest_deployment(self, service_id: str) -> Deployment | None:
        """The service's newest deployment, None before the first. A missing service is ProviderRejected."""
        instance = mapping(self._read(queries.LATEST_DEPLOYMENT, self._instance(service_id)))
        found = mapping(instance.get("latestDeployment"))
        return Deployment(text(found.get("id")), text(found.get("status"))) if found.get("id") else None

    def variable_names(self, service_id: str) -> set[str]:
        """The names of the service's own variables. The values, many of them secrets, stay here."""
        given = {"projectId": self.project_id, **self._instance(service_id), "unrendered": True}
        return set(mapping(self._read(queries.VARIABLES, given)))

    def set_variables(self, service_id: str, variables: Mapping[str, str], skip_deploys: bool) -> None:
        """Add to or change the service's variables; deploys it anew unless `skip_deploys`."""
        given = {
            "projectId": self.project_id,
            **self._instance(service_id),
            "variables": dict(variables),
            "skipDeploys": skip_deploys,
        }
        self._agreed(queries.VARIABLE_COLLECTION_UPSERT, {"input": given}, hide=variables.values())

    def redeploy(self, deployment_id: str) -> Deployment:
        """Deploy once more what this deployment deployed; returns the new deployment."""
        made = mapping(self._write(queries.DEPLOYMENT_REDEPLOY, {"id": deployment_id}))
        return Deployment(text(made.get("id")), text(made.get("status")))

    def instances(self) -> Iterator[Instance]:
        """Every service as it stands in the environment: thousands of rows in a few calls."""
        environment_id = self.environment_id
        for node in self._unique(self._pages(queries.INSTANCES, {"id": environment_id}), "serviceId"):
            domains = mapping(node.get("domains"))
            yield Instance(
                service_id=text(node.get("serviceId")),
                name=text(node.get("serviceName")),
                status=text(mapping(node.get("latestDeployment")).get("status")) or None,
                domain=_first_domain(domains.get("customDomains")) or _first_domain(domains.get("serviceDomains")),
                image=text(mapping(node.get("source")).get("image")) or None,
                environment_id=text(node.get("environmentId")) or environment_id,
            )

    # How Railway is asked

    def _instance(self, service_id: str) -> dict[str, object]:
        return {"serviceId": service_id, "environmentId": self.environment_id}

    def _post(self, step: str, operation: Operation, variables: Mapping[str, object], hide: Iterable[str]) -> object:
        """The value of the operation's root field, or what the errors on HTTP 200 say. Errors outweigh partial data."""
        body = {"query": operation.document, "variables": variables}
        answer = mapping(self.client.send(step, "POST", body=body, hide=hide).body)
        if answer.get("errors"):
            return meaning(answer["errors"])
        value = mapping(answer.get("data")).get(operation.field)
        if value is None:
            raise self.client.strange(step, f"no {operation.field}")
        return value

    def _call(self, operation: Operation, variables: Mapping[str, object], hide: Iterable[str] = ()) -> object:
        step = operation.connection or operation.field
        value = self._post(step, operation, variables, hide)
        if isinstance(value, Said):
            raise self.client.failure(step, 200, value, hide)
        return value

    def _read(self, operation: Operation, variables: Mapping[str, object]) -> object:
        return self.client.retry(lambda: self._call(operation, variables), idempotent=True)

    def _write(self, operation: Operation, variables: Mapping[str, object], hide: Iterable[str] = ()) -> object:
        return self.client.retry(lambda: self._call(operation, variables, hide), idempotent=False)

    def _made(self, operation: Operation, variables: Mapping[str, object], key: str) -> str:
        made = text(mapping(self._write(operation, variables)).get(key))
        if not made:
            raise self.client.strange(operation.field, f"no {key}")
        return made

    def _agreed(self, operation: Operation, variables: Mapping[str, object], hide: Iterable[str] = ()) -> None:
        if self._write(operation, variables, hide) is not True:
            raise self.client.strange(operation.field, "not true")

    def _pages(self, operation: Operation, variables: Mapping[str, object]) -> Iterator[Json]:
        step, cursors = operation.connection or operation.field, set[str]()
        after: str | None = None
        while True:
            root = mapping(self._read(operation, {**variables, "first": PAGE, "after": after}))
            page = mapping(root.get(operation.connection)) if operation.connection else root
            info = mapping(page.get("pageInfo"))
            if not isinstance(page.get("edges"), list) or not info:
                raise self.client.strange(step, "no edges or no pageInfo")
            for edge in mappings(page["edges"]):
                if node := mapping(edge.get("node")):
                    yield node
            if not info.get("hasNextPage"):
                return
            after = text(info.get("endCursor"))
            # Going on from no cursor would read the first page for ever; ending here would call the rest missing.
            if not after or after in cursors:
                raise self.client.strange(step, "there are more pages, but no new cursor leads to them")
            cursors.add(after)

    @staticmethod
    def _unique(nodes: Iterator[Json], key: str) -> Iterator[Json]:
        seen: set[str] = set()
        for node in nodes:
            value = text(node.get(key))
            if value and value not in seen:
                seen.add(value)
                yield node

    def _delete(self, operation: Operation, variables: Mapping[str, object], still_there: Callable[[], bool]) -> bool:
        step, lost = operation.field, False

        def once() -> bool:
            nonlocal lost
            try:
                value = self._post(step, operation, variables, ())
            except ProviderUnavailable as error:
                lost = lost or error.outcome_unknown
                raise
            except ProviderRejected as error:
                if error.reason not in ("unauthorized", "not_found") or still_there():
                    raise
                return lost
            if value is True:
                return True
            said = value if isinstance(value, Said) else Said("unavailable", text="not true")
            if said.kind not in ("unauthorized", "not_found", "unavailable") or still_there():
                raise self.client.failure(step, 200, said)
            return lost

        return self.client.retry(once, idempotent=True)

    def _once_visible(self, once: Callable[[], T]) -> T:
        """Do what depends on something just made, and give it a few seconds to become visible.

        What is still not found then is ProviderUnavailable, since a longer wait may help: reads lag writes here.
        """
        waits = iter(VISIBLE_AFTER)
        while True:
            try:
                return once()
            except ProviderRejected as error:
                if error.reason != "not_found":
                    raise
                wait = next(waits, None)
                if wait is None:
                    raise ProviderUnavailable(
                        error.provider, error.step, "what it is for is not visible (yet)", outcome_unknown=False
                    ) from error
            self.client.wire.sleep(wait)


def _first_domain(domains: object) -> str | None:
    return next((name for one in mappings(domains) if (name := text(one.get("domain")))), None)


def _plain(value: float) -> float:
    """The number without a fraction where it has none, as Railway writes it itself."""
    return int(value) if value == int(value) else value
