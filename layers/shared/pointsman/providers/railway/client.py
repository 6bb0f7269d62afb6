"""Railway: services, volumes, domains and deployments of one project and environment.

Nothing here has an idempotency key, reads lag writes, and refusals come as texts on HTTP 200; so creates are repeated
only where nothing was done, and a delete that meets an ambiguous answer looks whether the thing is still there.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from ...errors import MissingSetting, ProviderRejected, ProviderUnavailable
from ...http_transport import Transport
from ...json_values import as_datetime, as_object, as_objects, as_text
from ...settings.providers import RailwaySettings
from ..http_client import HttpClient
from . import documents
from .errors import parse_error_body
from .graphql import GraphQLClient
from .models import Deployment, Service, ServiceInstance, Volume

__all__ = ["Deployment", "RailwayClient", "Service", "ServiceInstance", "Volume", "get_client"]

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
        self._graphql = GraphQLClient(self.http_client)

    @property
    def environment_id(self) -> str:
        """The environment's id, looked up by its name once where only that is set; case counts where two differ in it.

        Raises MissingSetting with the names that there are where none has it.
        """
        if not self._environment_id:
            ids_by_name = {
                as_text(node.get("name")): as_text(node.get("id"))
                for node in self._graphql.iter_nodes(documents.ENVIRONMENTS, {"projectId": self.project_id})
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
        return self._graphql.create(documents.SERVICE_CREATE, {"input": payload}, "id")

    def find_services(self, name: str) -> list[Service]:
        """The services of exactly this name. None just after a lost answer proves nothing: listings lag."""
        return [service for service in self.list_services() if service.name == name]

    def list_services(self) -> Iterator[Service]:
        """Every service of the project."""
        for node in self._graphql.iter_unique_nodes(documents.SERVICES, {"id": self.project_id}, "id"):
            created = as_datetime(node.get("createdAt")) or datetime.min.replace(tzinfo=UTC)
            yield Service(as_text(node.get("id")), as_text(node.get("name")), created)

    def service_exists(self, service_id: str) -> bool:
        """Whether the service is in the environment, by asking for it alone. One that Railway refuses to tell of is
        `Not Authorized` like one that is gone: False."""
        try:
            self._graphql.query(documents.LATEST_DEPLOYMENT, self._instance_key(service_id))
        except ProviderRejected as error:
            if error.reason not in ("unauthorized", "not_found"):
                raise
            return False
        return True

    def list_deployed_environment_ids(self, service_id: str) -> set[str]:
        """The environments in which the service has ever been deployed. It is made in all that there are, for Railway
        does not take the one that is given, so that being in one says nothing of who uses it."""
        payload = {"input": {"projectId": self.project_id, "serviceId": service_id}}
        return {as_text(node.get("environmentId")) for node in self._graphql.iter_nodes(documents.DEPLOYMENTS, payload)}

    def delete_service(self, service_id: str) -> bool:
        """Delete a service; True if it was there. Its volume is not deleted with it, reliably: delete that first.

        For a service that is gone Railway says `Not Authorized` and the like, as it does for others that it refuses, so
        such an answer counts as gone only when a complete listing lacks the service.
        """
        return self._graphql.delete(
            documents.SERVICE_DELETE,
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
        return self._retry_until_visible(
            lambda: self._graphql.create(documents.VOLUME_CREATE, {"input": payload}, "id")
        )

    def find_volumes(self, service_id: str) -> list[Volume]:
        """The volumes attached to the service. The listing lags by half a minute at worst."""
        return [volume for volume in self.list_volumes() if volume.service_id == service_id]

    def list_volumes(self) -> Iterator[Volume]:
        """Every volume in the environment but those whose deletion is under way (they stay listed for 48 hours)."""
        seen: set[str] = set()
        for node in self._graphql.iter_nodes(documents.VOLUMES, {"id": self.environment_id}):
            volume_id = as_text(as_object(node.get("volume")).get("id"))
            deleted = node.get("isPendingDeletion") or node.get("deletedAt")
            if not volume_id or volume_id in seen or deleted or node.get("state") in ("DELETING", "DELETED"):
                continue
            seen.add(volume_id)
            yield Volume(volume_id, as_text(node.get("serviceId")) or None, as_text(node.get("mountPath")))

    def delete_volume(self, volume_id: str) -> bool:
        """Delete a volume (restorable for 48 hours); True if it was there. Verified as a service's deletion is."""
        return self._graphql.delete(
            documents.VOLUME_DELETE,
            {"volumeId": volume_id},
            lambda: any(volume.id == volume_id for volume in self.list_volumes()),
        )

    # Domains

    def create_domain(self, service_id: str) -> str:
        """Give the service a domain of Railway's and return its name, without a scheme."""
        payload = {"serviceId": service_id, "environmentId": self.environment_id}
        return self._retry_until_visible(
            lambda: self._graphql.create(documents.SERVICE_DOMAIN_CREATE, {"input": payload}, "domain")
        )

    def find_domain(self, service_id: str) -> str | None:
        """The service's domain of Railway's, None where there is none or the service is not visible (yet)."""
        try:
            instance = self._graphql.query(documents.DOMAINS, self._instance_key(service_id))
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
            lambda: self._graphql.mutate(documents.ENVIRONMENT_PATCH_COMMIT, payload, secrets=variables.values())
        )

    def get_latest_deployment(self, service_id: str) -> Deployment | None:
        """The service's newest deployment, None before the first. A missing service is ProviderRejected."""
        instance = as_object(self._graphql.query(documents.LATEST_DEPLOYMENT, self._instance_key(service_id)))
        found = as_object(instance.get("latestDeployment"))
        return Deployment(as_text(found.get("id")), as_text(found.get("status"))) if found.get("id") else None

    def set_variables(self, service_id: str, variables: Mapping[str, str], skip_deploys: bool) -> None:
        """Add to or change the service's variables; deploys it anew unless `skip_deploys`."""
        payload = {
            "projectId": self.project_id,
            **self._instance_key(service_id),
            "variables": dict(variables),
            "skipDeploys": skip_deploys,
        }
        self._graphql.update(documents.VARIABLE_COLLECTION_UPSERT, {"input": payload}, secrets=variables.values())

    def redeploy(self, deployment_id: str) -> Deployment:
        """Deploy once more what this deployment deployed; returns the new deployment."""
        deployment = as_object(self._graphql.mutate(documents.DEPLOYMENT_REDEPLOY, {"id": deployment_id}))
        return Deployment(as_text(deployment.get("id")), as_text(deployment.get("status")))

    def list_service_instances(self) -> Iterator[ServiceInstance]:
        """Every service as it stands in the environment: thousands of rows in a few calls."""
        environment_id = self.environment_id
        for node in self._graphql.iter_unique_nodes(documents.SERVICE_INSTANCES, {"id": environment_id}, "serviceId"):
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
