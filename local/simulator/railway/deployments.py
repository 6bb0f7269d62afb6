"""Deployments: the snapshot taken at creation, and the status as a function of age."""

from local.simulator.config import RailwayConfig
from local.simulator.state.railway import Deployment, RailwayState, ServiceInstance, new_id

IN_PROGRESS_STATUSES = frozenset({"BUILDING", "DEPLOYING", "INITIALIZING", "QUEUED", "WAITING"})
ACTIVE_STATUSES = frozenset({"SUCCESS", "CRASHED", "SLEEPING"})


def compute_status(deployment: Deployment, now: float) -> str:
    """Return INITIALIZING in the first half of the deployment (an image needs no build), DEPLOYING, then `ends_as`."""
    if deployment.forced is not None:
        return deployment.forced
    age = now - deployment.created_at
    if age < deployment.seconds / 2:
        return "INITIALIZING"
    return "DEPLOYING" if age < deployment.seconds else deployment.ends_as


def compute_status_start(deployment: Deployment, now: float) -> float:
    """Return the time of the last status change, in seconds since the epoch."""
    if deployment.forced is not None:
        return deployment.updated_at
    age = now - deployment.created_at
    steps = (deployment.seconds, deployment.seconds / 2, 0.0)
    return deployment.created_at + next(step for step in steps if age >= step or step == 0.0)


def render_variables(state: RailwayState, instance: ServiceInstance) -> dict[str, str]:
    """Render the variables of a deployment created now.

    Shared variables, then the service's own, then Railway's `RAILWAY_PUBLIC_DOMAIN` and `RAILWAY_VOLUME_MOUNT_PATH`;
    later ones override earlier ones.
    """
    environment = state.environments[instance.environment_id]
    variables = dict(environment.shared_variables) | dict(instance.variables)
    domains = state.list_live_domains(instance)
    if domains:
        variables["RAILWAY_PUBLIC_DOMAIN"] = domains[0].domain
    volume = state.find_attached_volume(instance.service_id, instance.environment_id)
    if volume is not None:
        variables["RAILWAY_VOLUME_MOUNT_PATH"] = volume.mount_path
    return variables


def create_deployment(
    state: RailwayState, settings: RailwayConfig, instance: ServiceInstance, now: float, cause: str
) -> Deployment:
    """Create a deployment from the instance's present settings.

    Earlier deployments become REMOVED at once, except those that are FAILED or SKIPPED.
    """
    environment = state.environments[instance.environment_id]
    is_volume_attached = state.find_attached_volume(instance.service_id, instance.environment_id) is not None
    domains = state.list_live_domains(instance)
    if instance.volume_before_first_deploy is None:
        instance.volume_before_first_deploy = is_volume_attached
    for earlier in (state.deployments[deployment_id] for deployment_id in instance.deployment_ids):
        if compute_status(earlier, now) not in ("REMOVED", "FAILED", "SKIPPED"):
            earlier.forced, earlier.updated_at = "REMOVED", now
    deployment = Deployment(
        new_id(),
        environment.project_id,
        environment.id,
        instance.service_id,
        now,
        settings.deploy_seconds,
        settings.deploy_end,
        cause,
        instance.image,
        instance.start_command,
        render_variables(state, instance),
        is_volume_attached,
        domains[0].domain if domains else None,
        instance.cpu,
        instance.memory_bytes,
    )
    deployment.updated_at = now
    state.deployments[deployment.id] = deployment
    instance.deployment_ids.append(deployment.id)
    return deployment


def find_latest_deployment(state: RailwayState, instance: ServiceInstance) -> Deployment | None:
    """Return the instance's newest deployment, whatever its status, or None."""
    return state.deployments[instance.deployment_ids[-1]] if instance.deployment_ids else None
