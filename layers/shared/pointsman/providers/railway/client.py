"""The calls for services, volumes, domains and deployments of one Railway project and environment.

Railway has no idempotency keys, its reads lag its writes, and it sends errors as texts with HTTP 200. So creates are
retried only if nothing was done, and a deletion with an ambiguous error is verified by a listing.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from ...errors import InvalidSetting, ProviderRejected, ProviderUnavailable
from ...http_transport import Transport
from ...json_values import JsonObject, as_datetime, as_object, as_objects, as_rows, as_text
from ...settings.providers import RailwaySettings
from ..http_client import HttpClient
from . import documents
from .errors import parse_error_body
from .graphql import GraphQLClient
from .models import Deployment, Service, ServiceInstance, Volume

__all__ = ["Deployment", "RailwayClient", "Service", "ServiceInstance", "Volume", "get_client"]

VISIBILITY_DELAYS = (0.7, 1.5)
"""Seconds between attempts to use a resource that was just created and may not be visible yet."""

T = TypeVar("T")


@lru_cache(maxsize=1)
def _build_client(settings: RailwaySettings) -> "RailwayClient":
    return RailwayClient(settings)


def get_client() -> "RailwayClient":
    """Return the client of the settings, one per process.

    Raises:
        MissingSetting: Railway is not configured.
    """
    return _build_client(RailwaySettings.load())


class RailwayClient:
    """The client of one project and environment.

    All methods raise ProviderRejected, ProviderUnavailable or ProviderTimeout; `step` is the GraphQL operation.
    """

    def __init__(self, settings: RailwaySettings, transport: Transport | None = None) -> None:
        self.project_id = settings.project_id
        self._environment_id = settings.environment_id
        self._environment_name = settings.environment_name
        # Observed: Railway's edge has stricter rules for POSTs to a URL without a query.
        url = settings.url if "?" in settings.url else f"{settings.url.rstrip('/')}?source=pointsman"
        self.http_client = HttpClient(
            "railway",
            url,
            token=settings.token,
            credential_setting="RAILWAY_API_TOKEN",
            timeout=settings.timeout,
            parse_error_body=parse_error_body,
            transport=transport,
        )
        self._graphql = GraphQLClient(self.http_client)

    @property
    def environment_id(self) -> str:
        """The environment's id; if only its name is set, it is looked up once.

        An exact match of the name comes first, then a unique one that differs in case.

        Raises:
            InvalidSetting: no environment has this name; the message lists the names.
        """
        if not self._environment_id:
            ids_by_name = {
                as_text(node.get("name")): as_text(node.get("id"))
                for node in self._graphql.iter_unique_nodes(
                    documents.ENVIRONMENTS, {"projectId": self.project_id}, "id", "name"
                )
            }
            setting = self._environment_name
            case_insensitive_matches = [name for name in ids_by_name if name.lower() == setting.lower()]
            matches = [setting] if setting in ids_by_name else case_insensitive_matches
            if len(matches) != 1 or not ids_by_name[matches[0]]:
                names = ", ".join(sorted(ids_by_name)) or "none"
                raise InvalidSetting(
                    "RAILWAY_ENVIRONMENT_NAME", f"one of the project's environments ({names}), not {setting!r}"
                )
            self._environment_id = ids_by_name[matches[0]]
        return self._environment_id

    # Services

    def create_service(self, name: str) -> str:
        """Create a service without a source, so that nothing is deployed yet, and return its id.

        Args:
            name: At most 32 characters (Railway docs), unique in the project.

        Raises:
            ProviderRejected: with the reason `taken` if a service has this name.
        """
        payload = {"projectId": self.project_id, "environmentId": self.environment_id, "name": name}
        return self._graphql.create(documents.SERVICE_CREATE, {"input": payload}, "id")

    def find_services(self, name: str) -> list[Service]:
        """Return the services of exactly this name. Listings lag, so a service just created may be missing."""
        return [service for service in self.list_services() if service.name == name]

    def list_services(self) -> Iterator[Service]:
        """Yield all services of the project."""
        keys = ("id", "name", "createdAt")
        for node in self._graphql.iter_unique_nodes(documents.SERVICES, {"id": self.project_id}, *keys):
            created = as_datetime(node.get("createdAt")) or datetime.min.replace(tzinfo=UTC)
            yield Service(as_text(node.get("id")), as_text(node.get("name")), created)

    def service_exists(self, service_id: str) -> bool:
        """Whether the service exists in the environment, by a request for it alone.

        Railway answers `Not Authorized` both for a missing service and for one that it denies; both are False.
        """
        try:
            self._read_latest_deployment(service_id)
        except ProviderRejected as error:
            if error.reason not in ("unauthorized", "not_found"):
                raise
            return False
        return True

    def list_deployed_environment_ids(self, service_id: str) -> set[str]:
        """Return the ids of the environments in which the service has ever been deployed.

        Railway creates a service in all environments, whichever `create_service` names (its schema: `environmentId` is
        honoured only for forks), so only its deployments show which environment uses it.
        """
        payload = {"input": {"projectId": self.project_id, "serviceId": service_id}}
        nodes = self._graphql.iter_unique_nodes(documents.DEPLOYMENTS, payload, "environmentId")
        return {as_text(node["environmentId"]) for node in nodes}

    def delete_service(self, service_id: str) -> bool:
        """Delete a service; True if Railway says that it is done, False if the service is missing.

        Delete its volume first: observed, it is not reliably deleted with the service, and is billed on. After an
        ambiguous answer the service counts as missing only if a complete listing lacks it. Listings lag, so that proves
        nothing for a service that was just created.
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
        """Return the volumes attached to the service. Observed: the listing lags by up to 30 s."""
        return [volume for volume in self.list_volumes() if volume.service_id == service_id]

    def list_volumes(self) -> Iterator[Volume]:
        """Yield the volumes of the environment, without those being deleted (they stay listed for 48 hours)."""
        seen: set[str] = set()
        for node in self._graphql.iter_nodes(documents.VOLUMES, {"id": self.environment_id}):
            volume_id = as_text(as_object(node.get("volume")).get("id"))
            if not volume_id:
                raise self.http_client.unexpected_response(documents.VOLUMES.step, "a row without a volume")
            deleted = node.get("isPendingDeletion") or node.get("deletedAt")
            if volume_id in seen or deleted or node.get("state") in ("DELETING", "DELETED"):
                continue
            seen.add(volume_id)
            yield Volume(volume_id, as_text(node.get("serviceId")) or None, as_text(node.get("mountPath")))

    def delete_volume(self, volume_id: str) -> bool:
        """Delete a volume (restorable for 48 hours); the result and what it proves are as in `delete_service`."""
        return self._graphql.delete(
            documents.VOLUME_DELETE,
            {"volumeId": volume_id},
            lambda: any(volume.id == volume_id for volume in self.list_volumes()),
        )

    # Domains

    def create_domain(self, service_id: str) -> str:
        """Create a Railway domain for the service and return its name, without a scheme."""
        payload = {"serviceId": service_id, "environmentId": self.environment_id}
        return self._retry_until_visible(
            lambda: self._graphql.create(documents.SERVICE_DOMAIN_CREATE, {"input": payload}, "domain")
        )

    def find_domain(self, service_id: str) -> str | None:
        """Return the service's Railway domain, None if it has none or the service is not visible (yet)."""
        try:
            domains = self._graphql.query(documents.DOMAINS, self._instance_key(service_id), parse=_parse_domains)
        except ProviderRejected as error:
            if error.reason == "not_found":
                return None
            raise
        return _pick_domain(domains)

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
        """Configure the service and deploy it in one atomic change. A repetition only deploys again.

        Args:
            service_id: The service.
            image: The container image with its tag or digest.
            start_command: The container's start command.
            variables: Added to the service's variables.
            vcpus: The limit of vCPUs; None leaves it unchanged.
            memory_bytes: The limit of memory in bytes; None leaves it unchanged.
            message: Shown in Railway's history.
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
            lambda: self._graphql.mutate(
                documents.ENVIRONMENT_PATCH_COMMIT,
                payload,
                # The id of the patch, of which only this is documented: that it is text.
                parse=lambda root: as_text(root) or None,
                secrets=variables.values(),
            )
        )

    def get_latest_deployment(self, service_id: str) -> Deployment | None:
        """Return the service's newest deployment, None before the first.

        Raises:
            ProviderRejected: also if the service does not exist.
        """
        (deployment,) = self._read_latest_deployment(service_id)
        return deployment

    def set_variables(self, service_id: str, variables: Mapping[str, str], skip_deploys: bool) -> None:
        """Add or change variables of the service; Railway then deploys it unless `skip_deploys`."""
        payload = {
            "projectId": self.project_id,
            **self._instance_key(service_id),
            "variables": dict(variables),
            "skipDeploys": skip_deploys,
        }
        self._graphql.update(documents.VARIABLE_COLLECTION_UPSERT, {"input": payload}, secrets=variables.values())

    def redeploy(self, deployment_id: str) -> Deployment:
        """Deploy again what this deployment deployed, and return the new deployment."""
        return self._graphql.mutate(documents.DEPLOYMENT_REDEPLOY, {"id": deployment_id}, parse=_parse_deployment)

    def list_service_instances(self) -> Iterator[ServiceInstance]:
        """Yield all services with their state in the environment, 500 per call."""
        environment_id = self.environment_id
        keys = ("serviceId", "serviceName")
        for node in self._graphql.iter_unique_nodes(documents.SERVICE_INSTANCES, {"id": environment_id}, *keys):
            domains = as_object(node.get("domains"))
            yield ServiceInstance(
                service_id=as_text(node.get("serviceId")),
                name=as_text(node.get("serviceName")),
                status=as_text(as_object(node.get("latestDeployment")).get("status")) or None,
                domain=_pick_domain(domains.get("customDomains")) or _pick_domain(domains.get("serviceDomains")),
                image=as_text(as_object(node.get("source")).get("image")) or None,
                environment_id=environment_id,
            )

    def _read_latest_deployment(self, service_id: str) -> tuple[Deployment | None]:
        return self._graphql.query(
            documents.LATEST_DEPLOYMENT, self._instance_key(service_id), parse=_parse_instance_deployment
        )

    def _instance_key(self, service_id: str) -> dict[str, object]:
        return {"serviceId": service_id, "environmentId": self.environment_id}

    def _retry_until_visible(self, attempt: Callable[[], T]) -> T:
        """Retry while the error is `not_found`: the service may be too new to be visible.

        Raises:
            ProviderUnavailable: it is still not found after a few seconds; a later retry may help.
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


def _parse_instance_deployment(root: object) -> tuple[Deployment | None] | None:
    """Parse a service in the environment; its deployment is null before the first one."""
    instance = as_object(root)
    if "latestDeployment" not in instance:
        return None
    value = instance["latestDeployment"]
    deployment = _parse_deployment(value)
    return None if deployment is None and value is not None else (deployment,)


def _parse_deployment(value: object) -> Deployment | None:
    deployment = as_object(value)
    deployment_id = as_text(deployment.get("id"))
    return Deployment(deployment_id, as_text(deployment.get("status"))) if deployment_id else None


def _parse_domains(root: object) -> list[JsonObject] | None:
    """Parse a service's Railway domains; an empty list if it has none."""
    return as_rows(as_object(as_object(root).get("domains")).get("serviceDomains"), "domain")


def _pick_domain(domains: object) -> str | None:
    return next((name for domain in as_objects(domains) if (name := as_text(domain.get("domain")))), None)


def _trim_fraction(value: float) -> float:
    """Return a whole number as an int, which is how Railway writes it in a patch."""
    return int(value) if value == int(value) else value
