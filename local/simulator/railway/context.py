"""The context of a resolver (state, settings, time, token, lookups) and the registry of resolvers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from local.simulator.config import RailwayConfig
from local.simulator.railway.errors import INSTANCE_NOT_FOUND, NOT_AUTHORIZED, BusinessError, not_found_error
from local.simulator.state.railway import (
    Environment,
    Project,
    ProjectToken,
    RailwayState,
    Service,
    ServiceInstance,
    Volume,
    VolumeInstance,
)

Args = Mapping[str, Any]
"""Arguments of a GraphQL field, already validated against the schema."""


@dataclass(frozen=True)
class ResolverContext:
    """The context of one request.

    `now` is in seconds since the epoch. `token` is the request's project token, which is bound to one environment; None
    stands for an account token.
    """

    state: RailwayState
    settings: RailwayConfig
    now: float
    token: ProjectToken | None
    nulled_field: str | None = None
    """For the fault `partial`: the nullable field below the root that fails, or `*` for all."""

    def get_project(self, project_id: str) -> Project:
        """Return a live project.

        Raises:
            BusinessError: It does not exist or is deleted, or the project token belongs to another project.
        """
        project = self.state.projects.get(project_id)
        if project is None or project.deleted_at is not None or project_id in self.settings.missing_projects:
            raise not_found_error("Project")
        if self.token is not None and self.token.project_id != project_id:
            raise BusinessError(NOT_AUTHORIZED)
        return project

    def get_environment(self, environment_id: str, project_id: str | None = None) -> Environment:
        """Return a live environment, which must belong to `project_id` if that is given.

        Raises:
            BusinessError: It does not exist or is deleted, or the project token belongs to another environment.
        """
        environment = self.state.environments.get(environment_id)
        if environment is None or environment.deleted_at is not None:
            raise not_found_error("Environment")
        if self.token is not None and self.token.environment_id != environment_id:
            raise BusinessError(NOT_AUTHORIZED)
        if project_id is not None and environment.project_id != project_id:
            raise not_found_error("Environment")
        self.get_project(environment.project_id)
        return environment

    def get_service(self, service_id: str) -> Service:
        """Return a live service.

        Raises:
            BusinessError: It does not exist, is deleted, or is still hidden by the read lag.
        """
        service = self.state.services.get(service_id)
        if service is None or service.deleted_at is not None or self.is_hidden(service):
            raise not_found_error("Service")
        self.get_project(service.project_id)
        return service

    def get_instance(self, service_id: str, environment_id: str) -> ServiceInstance:
        """Return the live instance of a service in an environment.

        Raises:
            BusinessError: There is none, or the service is hidden by the read lag and `lag_refuses_dependents` is set.
        """
        self.get_environment(environment_id)
        service = self.state.services.get(service_id)
        instance = self.state.find_instance(service_id, environment_id)
        is_lagging = service is not None and self.is_hidden(service) and self.settings.lag_refuses_dependents
        if service is None or instance is None or is_lagging:
            raise BusinessError(INSTANCE_NOT_FOUND)
        return instance

    def is_hidden(self, resource: Service | Volume | VolumeInstance) -> bool:
        """Whether the read lag still hides the resource (Railway's reads are eventually consistent)."""
        lag = self.settings.service_lag_s if isinstance(resource, Service) else self.settings.volume_lag_s
        return self.now < resource.created_at + lag

    def list_services(self, project_id: str) -> list[Service]:
        """Return the project's live, visible services."""
        return [
            service for service in self.state.services.values()
            if service.project_id == project_id and service.deleted_at is None and not self.is_hidden(service)
        ]  # fmt: skip

    def filter_visible(self, candidates: Iterable[ServiceInstance]) -> list[ServiceInstance]:
        """Return the live instances whose service the read lag does not hide."""
        return [
            instance for instance in candidates
            if instance.deleted_at is None and not self.is_hidden(self.state.services[instance.service_id])
        ]  # fmt: skip


Source = TypeVar("Source")
RootResolver = Callable[[ResolverContext, Args], object]
FieldResolver = Callable[[Any, ResolverContext, Args], object]

ROOT_RESOLVERS: dict[tuple[str, str], RootResolver] = {}
FIELD_RESOLVERS: dict[tuple[str, str], FieldResolver] = {}


def root_resolver(type_name: str, field_name: str) -> Callable[[RootResolver], RootResolver]:
    """Register the resolver of a field of Query or Mutation."""

    def register(resolver: RootResolver) -> RootResolver:
        ROOT_RESOLVERS[type_name, field_name] = resolver
        return resolver

    return register


def field_resolver(type_name: str, field_name: str) -> Callable[[FieldResolver], FieldResolver]:
    """Register the resolver of a field of another type."""

    def register(resolver: FieldResolver) -> FieldResolver:
        FIELD_RESOLVERS[type_name, field_name] = resolver
        return resolver

    return register
