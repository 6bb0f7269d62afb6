"""Railway: services, volumes, domains and deployments of one project and environment.

Nothing here has an idempotency key, reads lag writes, and refusals come as texts on HTTP 200; so creates are repeated
only where nothing was done, and a delete that meets an ambiguous answer looks whether the thing is still there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from ...errors import MissingSetting, ProviderRejected, ProviderUnavailable
from ...http_transport import Transport
from ...json_values import JsonObject, as_datetime, as_object, as_objects, as_text
from ...settings.providers import RailwaySettings
from ..http_client import ErrorBody, HttpClient
from . import graphql as queries
from .errors import parse_error_body, parse_graphql_errors
from .graphql import Operation
from .models import Deployment, Service, ServiceInstance, Volume

__all__ = ["Deployment", "RailwayClient", "Service", "ServiceInstance", "Volume", "get_client"]

PAGE_SIZE = 500
"""Rows asked for at once; the official CLI asks for as many. A server that gives fewer is followed all the same."""
VISIBILITY_DELAYS = (0.7, 1.5)
"""Seconds to wait, each time, for something just made to become visible to what depends on it."""

T = TypeVar("T")


@lru_cache(maxsize=1)
def _build_client(settings: RailwaySettings) -> "RailwayClient":
    return RailwayClient(settings)


def get_client() -> "RailwayClient":
    """The Railway of the settings, one per process. Raises MissingSetting."""
    return _build_client(RailwaySettings.load())


class RailwayClient:
    """All methods raise ProviderRejected, ProviderUnavailable or ProviderTimeout, their `step` being the operation."""

    def __init__(self, settings: RailwaySettings, transport: Transport | None = None) -> None:
        self.project_id = settings.project_id
        self._environment_id = settings.environment_id
        self._environment_name = settings.environment_name
        # Railway's edge has stricter rules for POSTs to the bare address. An address with a query of its own keeps it.
        url = settings.url if "?" in settings.url else f"{settings.url.rstrip('/')}?source=pointsman"
        self.http_client = HttpClient(
            "railway",
            url,
            token=settings.token,
            timeout=settings.timeout,
            parse_error_body=parse_error_body,
            transport=transport,
        )

    @property
    def environment_id(self) -> str:
        """The environment's id, looked up by its name once where only that is set; case counts where two differ in it.

        Raises MissingSetting with the names that there are where none has it.
        """
        if not self._environment_id:
            ids_by_name = {
                as_text(node.get("name")): as_text(node.get("id"))
                for node in self._iter_nodes(queries.ENVIRONMENTS, {"projectId": self.project_id})
            }
            wanted = self._environment_name
            case_insensitive_matches = [name for name in ids_by_name if name.lower() == wanted.lower()]
            matches = [wanted] if wanted in ids_by_name else case_insensitive_matches
            if len(matches) != 1 or not ids_by_name[matches[0]]:
                names = ", ".join(sorted(ids_by_name)) or "none"
                raise MissingSetting(
                    "RAILWAY_ENVIRONMENT_NAME",
                    f"the project has no environment {wanted!r}; there are: {names}",
                )
            self._environment_id = ids_by_name[matches[0]]
        return self._environment_id

    # Services

    def create_service(self, name: str) -> str:
        """Create a service without a source, so that nothing is deployed yet, and return its id.

        `name` is at most 32 characters and unique in the project: one that exists is ProviderRejected with the reason
        `taken`.
        """
        payload = {"projectId": self.project_id, "environmentId": self.environment_id, "name": name}
        return self._create(queries.SERVICE_CREATE, {"input": payload}, "id")

    def find_services(self, name: str) -> list[Service]:
        """The services of exactly this name. None just after a lost answer proves nothing: listings lag."""
        return [service for service in self.list_services() if service.name == name]

    def list_services(self) -> Iterator[Service]:
        """Every service of the project."""
        for node in self._deduplicate(self._iter_nodes(queries.SERVICES, {"id": self.project_id}), "id"):
            created = as_datetime(node.get("createdAt")) or datetime.min.replace(tzinfo=UTC)
            yield Service(as_text(node.get("id")), as_text(node.get("name")), created)

    def service_exists(self, service_id: str) -> bool:
        """Whether the service is in the environment, by asking for it alone. One that Railway refuses to tell of is
        `Not Authorized` like one that is gone: False."""
        try:
            self._query(queries.LATEST_DEPLOYMENT, self._instance_key(service_id))
        except ProviderRejected as error:
            if error.reason not in ("unauthorized", "not_found"):
                raise
            return False
        return True

    def list_deployed_environment_ids(self, service_id: str) -> set[str]:
        """The environments in which the service has ever been deployed. It is made in all that there are, for Railway
        does not take the one that is given, so that being in one says nothing of who uses it."""
        payload = {"input": {"projectId": self.project_id, "serviceId": service_id}}
        return {as_text(node.get("environmentId")) for node in self._iter_nodes(queries.DEPLOYMENTS, payload)}

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
        payload = {
            "projectId": self.project_id,
            "environmentId": self.environment_id,
            "serviceId": service_id,
            "mountPath": mount_path,
        }
        return self._retry_until_visible(lambda: self._create(queries.VOLUME_CREATE, {"input": payload}, "id"))

    def find_volumes(self, service_id: str) -> list[Volume]:
        """The volumes attached to the service. The listing lags by half a minute at worst."""
        return [volume for volume in self.list_volumes() if volume.service_id == service_id]

    def list_volumes(self) -> Iterator[Volume]:
        """Every volume in the environment but those whose deletion is under way (they stay listed for 48 hours)."""
        seen: set[str] = set()
        for node in self._iter_nodes(queries.VOLUMES, {"id": self.environment_id}):
            volume_id = as_text(as_object(node.get("volume")).get("id"))
            deleted = node.get("isPendingDeletion") or node.get("deletedAt")
            if not volume_id or volume_id in seen or deleted or node.get("state") in ("DELETING", "DELETED"):
                continue
            seen.add(volume_id)
            yield Volume(volume_id, as_text(node.get("serviceId")) or None, as_text(node.get("mountPath")))

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
        payload = {"serviceId": service_id, "environmentId": self.environment_id}
        return self._retry_until_visible(
            lambda: self._create(queries.SERVICE_DOMAIN_CREATE, {"input": payload}, "domain")
        )

    def find_domain(self, service_id: str) -> str | None:
        """The service's domain of Railway's, None where there is none or the service is not visible (yet)."""
        try:
            instance = self._query(queries.DOMAINS, self._instance_key(service_id))
        except ProviderRejected as error:
            if error.reason == "not_found":
                return None
            raise
        return _pick_domain(as_object(as_object(instance).get("domains")).get("serviceDomains"))

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
        container_limits: dict[str, float] = {}
        if vcpus is not None:
            container_limits["cpu"] = _trim_fraction(vcpus)
        if memory_bytes is not None:
            container_limits["memoryBytes"] = memory_bytes
        deploy: dict[str, object] = {"startCommand": start_command}
        if container_limits:
            deploy["limitOverride"] = {"containers": container_limits}
        service: dict[str, object] = {
            "source": {"image": image},
            "deploy": deploy,
            "variables": {name: {"value": value} for name, value in variables.items()},
        }
        payload: dict[str, object] = {
            "environmentId": self.environment_id,
            "patch": {"services": {service_id: service}},
        }
        if message:
            payload["commitMessage"] = message
        self._retry_until_visible(
            lambda: self._mutate(queries.ENVIRONMENT_PATCH_COMMIT, payload, secrets=variables.values())
        )

    def set_limits(self, service_id: str, vcpus: float, memory_gb: float) -> None:
        """Cap the service's processors and memory (GB)."""
        payload = {
            **self._instance_key(service_id),
            "vCPUs": _trim_fraction(vcpus),
            "memoryGB": _trim_fraction(memory_gb),
        }
        self._expect_true(queries.SERVICE_INSTANCE_LIMITS_UPDATE, {"input": payload})

    def get_latest_deployment(self, service_id: str) -> Deployment | None:
        """The service's newest deployment, None before the first. A missing service is ProviderRejected."""
        instance = as_object(self._query(queries.LATEST_DEPLOYMENT, self._instance_key(service_id)))
        found = as_object(instance.get("latestDeployment"))
        return Deployment(as_text(found.get("id")), as_text(found.get("status"))) if found.get("id") else None

    def list_variable_names(self, service_id: str) -> set[str]:
        """The names of the service's own variables. The values, many of them secrets, stay here."""
        payload = {"projectId": self.project_id, **self._instance_key(service_id), "unrendered": True}
        return set(as_object(self._query(queries.VARIABLES, payload)))

    def set_variables(self, service_id: str, variables: Mapping[str, str], skip_deploys: bool) -> None:
        """Add to or change the service's variables; deploys it anew unless `skip_deploys`."""
        payload = {
            "projectId": self.project_id,
            **self._instance_key(service_id),
            "variables": dict(variables),
            "skipDeploys": skip_deploys,
        }
        self._expect_true(queries.VARIABLE_COLLECTION_UPSERT, {"input": payload}, secrets=variables.values())

    def redeploy(self, deployment_id: str) -> Deployment:
        """Deploy once more what this deployment deployed; returns the new deployment."""
        deployment = as_object(self._mutate(queries.DEPLOYMENT_REDEPLOY, {"id": deployment_id}))
        return Deployment(as_text(deployment.get("id")), as_text(deployment.get("status")))

    def list_service_instances(self) -> Iterator[ServiceInstance]:
        """Every service as it stands in the environment: thousands of rows in a few calls."""
        environment_id = self.environment_id
        for node in self._deduplicate(self._iter_nodes(queries.SERVICE_INSTANCES, {"id": environment_id}), "serviceId"):
            domains = as_object(node.get("domains"))
            yield ServiceInstance(
                service_id=as_text(node.get("serviceId")),
                name=as_text(node.get("serviceName")),
                status=as_text(as_object(node.get("latestDeployment")).get("status")) or None,
                domain=_pick_domain(domains.get("customDomains")) or _pick_domain(domains.get("serviceDomains")),
                image=as_text(as_object(node.get("source")).get("image")) or None,
                environment_id=as_text(node.get("environmentId")) or environment_id,
            )

    # How Railway is asked

    def _instance_key(self, service_id: str) -> dict[str, object]:
        return {"serviceId": service_id, "environmentId": self.environment_id}

    def _execute(
        self, step: str, operation: Operation, variables: Mapping[str, object], secrets: Iterable[str]
    ) -> object:
        """The value of the operation's root field, or what the errors on HTTP 200 say. Errors outweigh partial data."""
        body = {"query": operation.document, "variables": variables}
        response = as_object(self.http_client.send(step, "POST", body=body, secrets=secrets).body)
        if response.get("errors"):
            return parse_graphql_errors(response["errors"])
        value = as_object(response.get("data")).get(operation.root_field)
        if value is None:
            raise self.http_client.unexpected_response(step, f"no {operation.root_field}")
        return value

    def _execute_or_raise(
        self, operation: Operation, variables: Mapping[str, object], secrets: Iterable[str] = ()
    ) -> object:
        step = operation.connection_field or operation.root_field
        value = self._execute(step, operation, variables, secrets)
        if isinstance(value, ErrorBody):
            raise self.http_client.provider_error(step, 200, value, secrets)
        return value

    def _query(self, operation: Operation, variables: Mapping[str, object]) -> object:
        return self.http_client.retry(lambda: self._execute_or_raise(operation, variables), idempotent=True)

    def _mutate(self, operation: Operation, variables: Mapping[str, object], secrets: Iterable[str] = ()) -> object:
        return self.http_client.retry(lambda: self._execute_or_raise(operation, variables, secrets), idempotent=False)

    def _create(self, operation: Operation, variables: Mapping[str, object], key: str) -> str:
        value = as_text(as_object(self._mutate(operation, variables)).get(key))
        if not value:
            raise self.http_client.unexpected_response(operation.root_field, f"no {key}")
        return value

    def _expect_true(self, operation: Operation, variables: Mapping[str, object], secrets: Iterable[str] = ()) -> None:
        if self._mutate(operation, variables, secrets) is not True:
            raise self.http_client.unexpected_response(operation.root_field, "not true")

    def _iter_nodes(self, operation: Operation, variables: Mapping[str, object]) -> Iterator[JsonObject]:
        step, cursors = operation.connection_field or operation.root_field, set[str]()
        after: str | None = None
        while True:
            root = as_object(self._query(operation, {**variables, "first": PAGE_SIZE, "after": after}))
            page = as_object(root.get(operation.connection_field)) if operation.connection_field else root
            info = as_object(page.get("pageInfo"))
            if not isinstance(page.get("edges"), list) or not info:
                raise self.http_client.unexpected_response(step, "no edges or no pageInfo")
            for edge in as_objects(page["edges"]):
                if node := as_object(edge.get("node")):
                    yield node
            if not info.get("hasNextPage"):
                return
            after = as_text(info.get("endCursor"))
            # Going on from no cursor would read the first page for ever; ending here would call the rest missing.
            if not after or after in cursors:
                raise self.http_client.unexpected_response(
                    step, "there are more pages, but no new cursor leads to them"
                )
            cursors.add(after)

    @staticmethod
    def _deduplicate(nodes: Iterator[JsonObject], key: str) -> Iterator[JsonObject]:
        seen: set[str] = set()
        for node in nodes:
            value = as_text(node.get(key))
            if value and value not in seen:
                seen.add(value)
                yield node

    def _delete(self, operation: Operation, variables: Mapping[str, object], still_exists: Callable[[], bool]) -> bool:
        step, may_have_deleted = operation.root_field, False

        def attempt() -> bool:
            nonlocal may_have_deleted
            try:
                value = self._execute(step, operation, variables, ())
            except ProviderUnavailable as error:
                may_have_deleted = may_have_deleted or error.outcome_unknown
                raise
            except ProviderRejected as error:
                if error.reason not in ("unauthorized", "not_found") or still_exists():
                    raise
                return may_have_deleted
            if value is True:
                return True
            error_body = value if isinstance(value, ErrorBody) else ErrorBody("unavailable", message="not true")
            if error_body.kind not in ("unauthorized", "not_found", "unavailable") or still_exists():
                raise self.http_client.provider_error(step, 200, error_body)
            return may_have_deleted

        return self.http_client.retry(attempt, idempotent=True)

    def _retry_until_visible(self, attempt: Callable[[], T]) -> T:
        """Do what depends on something just made, and give it a few seconds to become visible.

        What is still not found then is ProviderUnavailable, since a longer wait may help: reads lag writes here.
        """
        rejection: ProviderRejected | None = None
        for _ in self.http_client.poll(VISIBILITY_DELAYS):
            try:
                return attempt()
            except ProviderRejected as error:
                if error.reason != "not_found":
                    raise
                rejection = error
        assert rejection is not None
        raise ProviderUnavailable(
            rejection.provider, rejection.step, "what it is for is not visible (yet)", outcome_unknown=False
        ) from rejection


def _pick_domain(domains: object) -> str | None:
    return next((name for one in as_objects(domains) if (name := as_text(one.get("domain")))), None)


def _trim_fraction(value: float) -> float:
    """The number without a fraction where it has none, as Railway writes it itself."""
    return int(value) if value == int(value) else value
