"""The values that the Railway client returns."""

from dataclasses import dataclass
from datetime import datetime

__all__ = ["DEPLOYMENT_STATUSES", "FIRST_DEPLOYMENT_STATUS", "Deployment", "Service", "ServiceInstance", "Volume"]


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the project; `created_at` is in UTC."""

    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume of the environment. `service_id` is None if it is detached; it is billed all the same."""

    id: str
    service_id: str | None
    mount_path: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment. `status` is one of `DEPLOYMENT_STATUSES` or one that Railway has added since."""

    id: str
    status: str


@dataclass(frozen=True, slots=True)
class ServiceInstance:
    """A service's state in the environment.

    `status` is that of its latest deployment. `domain` is its custom domain, else its Railway domain; no scheme.
    """

    service_id: str
    name: str
    status: str | None
    domain: str | None
    image: str | None
    environment_id: str


FIRST_DEPLOYMENT_STATUS = "INITIALIZING"
"""The status with which a deployment begins, unless it is queued before."""

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
