"""What there is at Railway, as far as it is read."""

from dataclasses import dataclass
from datetime import datetime

__all__ = ["DEPLOYMENT_STATUSES", "Deployment", "Service", "ServiceInstance", "Volume"]


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the project; `created_at` is in UTC."""

    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume in the environment. `service_id` is None where it is detached from its service, and bills on."""

    id: str
    service_id: str | None
    mount_path: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment; `status` is Railway's word (`SUCCESS`, `CRASHED`…), perhaps one that is not known yet."""

    id: str
    status: str


@dataclass(frozen=True, slots=True)
class ServiceInstance:
    """A service as it stands in the environment. `domain` is the custom one if there is any."""

    service_id: str
    name: str
    status: str | None
    domain: str | None
    image: str | None
    environment_id: str


DEPLOYMENT_STATUSES = frozenset(
    {
        "BUILDING",
        "CRASHED",
        "DEPLOYING",
        "FAILED",
        "INITIALIZING",
        "NEEDS_APPROVAL",
        "QUEUED",
        "REMOVED",
        "REMOVING",
        "SKIPPED",
        "SLEEPING",
        "SUCCESS",
        "WAITING",
    }
)
"""`DeploymentStatus` of Railway's published schema."""
