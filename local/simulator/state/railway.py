"""Railway's state. Deleted resources keep their record, with `deleted_at` set, so that tests can inspect them."""

from dataclasses import dataclass, field
from uuid import uuid4

SEEDED_AT = 1_700_000_000.0
PROJECT_ID, ENVIRONMENT_ID, STAGING_ID = "sim-project", "sim-environment", "sim-staging"
WORKSPACE_ID = "sim-workspace"


@dataclass
class Project:
    """A project; without `workspace_id` it belongs to no workspace and `projects` never lists it."""

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
    """An environment of a project; an ephemeral one is a fork, such as a PR environment."""

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
    """A service of a project; its settings are per environment, in `ServiceInstance`."""

    id: str
    project_id: str
    name: str
    created_at: float
    icon: str | None = None
    updated_at: float = 0.0
    deleted_at: float | None = None


@dataclass
class ServiceInstance:
    """A service in one environment.

    `volume_before_first_deploy` is None before the first deployment, then whether a volume was attached at that time.
    """

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
        """The `startCommand` setting, if it is set."""
        command = self.settings.get("startCommand")
        return command if isinstance(command, str) else None


@dataclass
class Deployment:
    """A deployment with a snapshot of the instance at its creation.

    Its status follows from its age: after `seconds` it is `ends_as`. `forced`, if set, replaces that status.
    `cause` is the name of the mutation that created it.
    """

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
    """A volume of a project; its mounts are per environment, in `VolumeInstance`."""

    id: str
    project_id: str
    name: str
    created_at: float
    deleted_at: float | None = None


@dataclass
class VolumeInstance:
    """A volume in one environment; without `service_id` it is detached."""

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
    """A generated domain of a service instance. `domain` is the full host name."""

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
    """A change of an environment's configuration; `status` is `STAGED` or `COMMITTED`."""

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
    """A project token, bound to one environment; `token` is its plaintext."""

    id: str
    name: str
    token: str
    project_id: str
    environment_id: str


@dataclass
class RailwayState:
    """All objects by id, except `instances` (`service:environment`) and `tokens` (plaintext)."""

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
        """Return the instance of a service in an environment, or None if there is none or it is deleted."""
        instance = self.instances.get(f"{service_id}:{environment_id}")
        return instance if instance is not None and instance.deleted_at is None else None

    def list_instances(self, service_id: str) -> list[ServiceInstance]:
        """Return the service's live instances, one per environment."""
        found = (self.find_instance(service_id, environment_id) for environment_id in self.environments)
        return [instance for instance in found if instance is not None]

    def add_instance(self, service: Service, environment_id: str, now: float) -> ServiceInstance:
        """Create and store an empty instance; it replaces an earlier one of the same service and environment."""
        instance = ServiceInstance(new_id(), service.id, environment_id, now)
        self.instances[f"{service.id}:{environment_id}"] = instance
        return instance

    def find_attached_volume(self, service_id: str, environment_id: str) -> VolumeInstance | None:
        """Return the live volume attached to a service in an environment, or None; Railway allows one at most."""
        for mounted in self.volume_instances.values():
            matches = (mounted.service_id, mounted.environment_id) == (service_id, environment_id)
            if matches and mounted.deleted_at is None:
                return mounted
        return None

    def list_live_domains(self, instance: ServiceInstance) -> list[ServiceDomain]:
        """Return the instance's domains that are not deleted, oldest first."""
        found = (self.domains[domain_id] for domain_id in instance.domain_ids)
        return [domain for domain in found if domain.deleted_at is None]


def new_id() -> str:
    """Return a random UUID, the form of Railway's ids."""
    return str(uuid4())


def create_railway_state() -> RailwayState:
    """Create the initial state: one project with two environments, and a project token of the first."""
    state = RailwayState()
    state.projects[PROJECT_ID] = Project(PROJECT_ID, "sim", SEEDED_AT)
    for index, (environment_id, name) in enumerate(((ENVIRONMENT_ID, "production"), (STAGING_ID, "staging"))):
        created = SEEDED_AT + index
        state.environments[environment_id] = Environment(environment_id, PROJECT_ID, name, created)
    state.tokens["sim-project-token"] = ProjectToken(
        new_id(), "seeded", "sim-project-token", PROJECT_ID, ENVIRONMENT_ID
    )
    return state
