"""What Railway remembers. Deleted things stay, flagged, so that assertions can be made about them."""

from dataclasses import dataclass, field
from uuid import uuid4

SEEDED_AT = 1_700_000_000.0
PROJECT_ID, ENVIRONMENT_ID, STAGING_ID = "sim-project", "sim-environment", "sim-staging"
WORKSPACE_ID = "sim-workspace"


@dataclass
class Project:
    id: str
    name: str
    created_at: float
    workspace_id: str | None = WORKSPACE_ID
    description: str | None = None
    is_public: bool = False
    updated_at: float = 0.0
    deleted_at: float | None = None


@dataclass
class Environment:
    id: str
    project_id: str
    name: str
    created_at: float
    is_ephemeral: bool = False
    shared_variables: dict[str, str] = field(default_factory=dict[str, str])
    updated_at: float = 0.0
    deleted_at: float | None = None


@dataclass
class Service:
    id: str
    project_id: str
    name: str
    created_at: float
    icon: str | None = None
    updated_at: float = 0.0
    deleted_at: float | None = None


@dataclass
class ServiceInstance:
    """A service in an environment. `volume_before_first_deploy` is null until it is deployed for the first time."""

    id: str
    service_id: str
    environment_id: str
    created_at: float
    image: str | None = None
    repo: str | None = None
    variables: dict[str, str] = field(default_factory=dict[str, str])
    settings: dict[str, object] = field(default_factory=dict[str, object])
    cpu: float | None = None
    memory_bytes: int | None = None
    deployment_ids: list[str] = field(default_factory=list[str])
    domain_ids: list[str] = field(default_factory=list[str])
    volume_before_first_deploy: bool | None = None
    updated_at: float = 0.0
    deleted_at: float | None = None

    @property
    def start_command(self) -> str | None:
        command = self.settings.get("startCommand")
        return command if isinstance(command, str) else None


@dataclass
class Deployment:
    """One deploy, with everything it saw when it was made. `forced` is a status that was ordered for it."""

    id: str
    project_id: str
    environment_id: str
    service_id: str
    created_at: float
    seconds: float
    ends_as: str
    cause: str
    image: str | None
    start_command: str | None
    variables: dict[str, str]
    volume_attached: bool
    domain: str | None
    cpu: float | None
    memory_bytes: int | None
    forced: str | None = None
    updated_at: float = 0.0


@dataclass
class Volume:
    id: str
    project_id: str
    name: str
    created_at: float
    deleted_at: float | None = None


@dataclass
class VolumeInstance:
    id: str
    volume_id: str
    environment_id: str
    mount_path: str
    created_at: float
    service_id: str | None = None
    state: str = "READY"
    region: str | None = None
    size_mb: int = 50_000
    current_size_mb: float = 0.0
    deleted_at: float | None = None


@dataclass
class ServiceDomain:
    id: str
    domain: str
    service_id: str
    environment_id: str
    created_at: float
    suffix: str = "up.railway.app"
    target_port: int | None = None
    updated_at: float = 0.0
    deleted_at: float | None = None


@dataclass
class EnvironmentPatch:
    id: str
    environment_id: str
    status: str
    patch: dict[str, object]
    created_at: float
    message: str | None = None
    applied_at: float | None = None
    last_applied_error: str | None = None


@dataclass
class ProjectToken:
    id: str
    name: str
    token: str
    project_id: str
    environment_id: str


@dataclass
class RailwayState:
    projects: dict[str, Project] = field(default_factory=dict[str, Project])
    environments: dict[str, Environment] = field(default_factory=dict[str, Environment])
    services: dict[str, Service] = field(default_factory=dict[str, Service])
    instances: dict[str, ServiceInstance] = field(default_factory=dict[str, ServiceInstance])
    deployments: dict[str, Deployment] = field(default_factory=dict[str, Deployment])
    volumes: dict[str, Volume] = field(default_factory=dict[str, Volume])
    volume_instances: dict[str, VolumeInstance] = field(default_factory=dict[str, VolumeInstance])
    domains: dict[str, ServiceDomain] = field(default_factory=dict[str, ServiceDomain])
    patches: dict[str, EnvironmentPatch] = field(default_factory=dict[str, EnvironmentPatch])
    tokens: dict[str, ProjectToken] = field(default_factory=dict[str, ProjectToken])
    last_volume_at: float = 0.0
    last_project_at: float = 0.0

    def find_instance(self, service_id: str, environment_id: str) -> ServiceInstance | None:
        """A live instance; instances are kept by service and environment."""
        instance = self.instances.get(f"{service_id}:{environment_id}")
        return instance if instance is not None and instance.deleted_at is None else None

    def list_instances(self, service_id: str) -> list[ServiceInstance]:
        found = (self.find_instance(service_id, environment_id) for environment_id in self.environments)
        return [instance for instance in found if instance is not None]

    def add_instance(self, service: Service, environment_id: str, now: float) -> ServiceInstance:
        instance = ServiceInstance(new_id(), service.id, environment_id, now)
        self.instances[f"{service.id}:{environment_id}"] = instance
        return instance

    def find_attached_volume(self, service_id: str, environment_id: str) -> VolumeInstance | None:
        """The volume that a service has in an environment."""
        for mounted in self.volume_instances.values():
            matches = (mounted.service_id, mounted.environment_id) == (service_id, environment_id)
            if matches and mounted.deleted_at is None:
                return mounted
        return None

    def list_live_domains(self, instance: ServiceInstance) -> list[ServiceDomain]:
        found = (self.domains[domain_id] for domain_id in instance.domain_ids)
        return [domain for domain in found if domain.deleted_at is None]


def new_id() -> str:
    return str(uuid4())


def create_railway_state() -> RailwayState:
    """One project with two environments, and a token of the first."""
    state = RailwayState()
    state.projects[PROJECT_ID] = Project(PROJECT_ID, "sim", SEEDED_AT)
    for index, (environment_id, name) in enumerate(((ENVIRONMENT_ID, "production"), (STAGING_ID, "staging"))):
        created = SEEDED_AT + index
        state.environments[environment_id] = Environment(environment_id, PROJECT_ID, name, created)
    state.tokens["sim-project-token"] = ProjectToken(
        new_id(), "seeded", "sim-project-token", PROJECT_ID, ENVIRONMENT_ID
    )
    return state
