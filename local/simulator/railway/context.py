"""What every resolver is given: the state, the settings, the moment, who asks, and the look-ups that all share."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from local.simulator.config import RailwayConfig
from local.simulator.railway.problems import NO_INSTANCE, NOT_AUTHORIZED, Problem, not_found
from local.simulator.railway.store import (
    Environment,
    Instance,
    Project,
    RailwayState,
    Service,
    Token,
    Volume,
    VolumeInstance,
)

Args = Mapping[str, Any]
"""Arguments of a field, already checked against the schema."""


@dataclass(frozen=True)
class Context:
    """One request. `token` is set when it came with a project token, which is bound to one environment."""

    state: RailwayState
    settings: RailwayConfig
    now: float
    token: Token | None
    nulled: str | None = None
    """For the fault `partial`: the nullable field that fails below the root, or `*` for all."""

    def project(self, project_id: str) -> Project:
        project = self.state.projects.get(project_id)
        if project is None or project.deleted_at is not None or project_id in self.settings.missing_projects:
            raise not_found("Project")
        if self.token is not None and self.token.project_id != project_id:
            raise Problem(NOT_AUTHORIZED)
        return project

    def environment(self, environment_id: str, project_id: str | None = None) -> Environment:
        environment = self.state.environments.get(environment_id)
        if environment is None or environment.deleted_at is not None:
            raise not_found("Environment")
        if self.token is not None and self.token.environment_id != environment_id:
            raise Problem(NOT_AUTHORIZED)
        if project_id is not None and environment.project_id != project_id:
            raise not_found("Environment")
        self.project(environment.project_id)
        return environment

    def service(self, service_id: str) -> Service:
        """A service that can be seen by now."""
        service = self.state.services.get(service_id)
        if service is None or service.deleted_at is not None or self.hidden(service):
            raise not_found("Service")
        self.project(service.project_id)
        return service

    def instance(self, service_id: str, environment_id: str) -> Instance:
        """An instance that can be worked with; a service just made has none yet, as far as others can tell."""
        self.environment(environment_id)
        service = self.state.services.get(service_id)
        instance = self.state.instance(service_id, environment_id)
        lagging = service is not None and self.hidden(service) and self.settings.lag_refuses_dependents
        if service is None or instance is None or lagging:
            raise Problem(NO_INSTANCE)
        return instance

    def hidden(self, thing: Service | Volume | VolumeInstance) -> bool:
        """Whether reads do not show it yet."""
        lag = self.settings.service_lag_s if isinstance(thing, Service) else self.settings.volume_lag_s
        return self.now < thing.created_at + lag

    def services(self, project_id: str) -> list[Service]:
        return [
            service for service in self.state.services.values()
            if service.project_id == project_id and service.deleted_at is None and not self.hidden(service)
        ]  # fmt: skip

    def instances(self, found: Iterable[Instance]) -> list[Instance]:
        return [
            instance for instance in found
            if instance.deleted_at is None and not self.hidden(self.state.services[instance.service_id])
        ]  # fmt: skip


Source = TypeVar("Source")
RootResolver = Callable[[Context, Args], object]
FieldResolver = Callable[[Any, Context, Args], object]

ROOTS: dict[tuple[str, str], RootResolver] = {}
FIELDS: dict[tuple[str, str], FieldResolver] = {}


def root(kind: str, name: str) -> Callable[[RootResolver], RootResolver]:
    """Register the resolver of a field of Query or Mutation."""

    def register(resolver: RootResolver) -> RootResolver:
        ROOTS[kind, name] = resolver
        return resolver

    return register


def resolves(kind: str, name: str) -> Callable[[FieldResolver], FieldResolver]:
    """Register the resolver of a field of another type."""

    def register(resolver: FieldResolver) -> FieldResolver:
        FIELDS[kind, name] = resolver
        return resolver

    return register
