"""What every resolver is given: the state, the settings, the moment, who asks, and the look-ups that all share."""

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
"""Arguments of a field, already checked against the schema."""


@dataclass(frozen=True)
class ResolverContext:
    """One request. `token` is set when it came with a project token, which is bound to one environment."""

    state: RailwayState
    settings: RailwayConfig
    now: float
    token: ProjectToken | None
    nulled_field: str | None = None
    """For the fault `partial`: the nullable field that fails below the root, or `*` for all."""

    def get_project(self, project_id: str) -> Project:
        project = self.state.projects.get(project_id)
        if project is None or project.deleted_at is not None or project_id in self.settings.missing_projects:
            raise not_found_error("Project")
        if self.token is not None and self.token.project_id != project_id:
            raise BusinessError(NOT_AUTHORIZED)
        return project

    def get_environment(self, environment_id: str, project_id: str | None = None) -> Environment:
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
        """A service that can be seen by now."""
        service = self.state.services.get(service_id)
        if service is None or service.deleted_at is not None or self.is_hidden(service):
            raise not_found_error("Service")
        self.get_project(service.project_id)
        return service

    def get_instance(self, service_id: str, environment_id: str) -> ServiceInstance:
        """An instance that can be worked with; a service just made has none yet, as far as others can tell."""
        self.get_environment(environment_id)
        service = self.state.services.get(service_id)
        instance = self.state.find_instance(service_id, environment_id)
        is_lagging = service is not None and self.is_hidden(service) and self.settings.lag_refuses_dependents
        if service is None or instance is None or is_lagging:
            raise BusinessError(INSTANCE_NOT_FOUND)
        return instance

    def is_hidden(self, resource: Service | Volume | VolumeInstance) -> bool:
        """Whether reads do not show it yet."""
        lag = self.settings.service_lag_s if isinstance(resource, Service) else self.settings.volume_lag_s
        return self.now < resource.created_at + lag

    def list_services(self, project_id: str) -> list[Service]:
        return [
            service for service in self.state.services.values()
            if service.project_id == project_id and service.deleted_at is None and not self.is_hidden(service)
        ]  # fmt: skip

    def filter_visible(self, candidates: Iterable[ServiceInstance]) -> list[ServiceInstance]:
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
