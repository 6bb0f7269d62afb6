"""Bulk creation of services that look like those of an established fleet, for tests."""

from dataclasses import dataclass

from local.simulator.state.railway import (
    Deployment,
    RailwayState,
    Service,
    ServiceDomain,
    Volume,
    VolumeInstance,
    new_id,
)

IMAGE = "ghcr.io/xmtplabs/convos-runtime:latest"
_STEP_S = 1e-4


@dataclass(frozen=True)
class SeedPlan:
    """Number, name prefix and deployment status of the services to create; `bare` ones have no resources."""

    count: int
    prefix: str
    environment_id: str
    status: str
    bare: bool


def seed_services(state: RailwayState, plan: SeedPlan, now: float) -> list[str]:
    """Create services named `<prefix>00001` and up, each with volume, domain and deployment unless `bare`.

    Names in use are skipped. The services are dated one hour before `now`, so no read lag hides them.

    Returns:
        The ids of the created services, in order of their names.
    """
    project_id = state.environments[plan.environment_id].project_id
    taken = {service.name for service in state.services.values() if service.deleted_at is None}
    ids: list[str] = []
    index = 0
    while len(ids) < plan.count:
        index += 1
        name = f"{plan.prefix}{index:05d}"
        if name in taken:
            continue
        service = Service(new_id(), project_id, name, now - 3600 + index * _STEP_S)
        state.services[service.id] = service
        ids.append(service.id)
        for environment in state.environments.values():
            if environment.project_id == project_id and not environment.is_ephemeral:
                state.add_instance(service, environment.id, service.created_at)
        if not plan.bare:
            _add_resources(state, service, plan.environment_id, plan.status)
    return ids


def _add_resources(state: RailwayState, service: Service, environment_id: str, status: str) -> None:
    created_at = service.created_at
    instance = state.instances[f"{service.id}:{environment_id}"]
    instance.image, instance.volume_before_first_deploy = IMAGE, True
    volume = Volume(new_id(), service.project_id, f"{service.name}-volume", created_at)
    state.volumes[volume.id] = volume
    mounted = VolumeInstance(new_id(), volume.id, environment_id, "/data", created_at, service.id)
    state.volume_instances[mounted.id] = mounted
    domain = ServiceDomain(
        new_id(), f"{service.name}-{service.id[:4]}.up.railway.app", service.id, environment_id, created_at
    )
    state.domains[domain.id] = domain
    instance.domain_ids.append(domain.id)
    variables = {"RAILWAY_PUBLIC_DOMAIN": domain.domain, "RAILWAY_VOLUME_MOUNT_PATH": mounted.mount_path}
    deployment = Deployment(
        new_id(), service.project_id, environment_id, service.id, created_at, 0.0, "SUCCESS", "seed", IMAGE, None,
        variables, True, domain.domain, None, None, forced=status, updated_at=created_at,
    )  # fmt: skip
    state.deployments[deployment.id] = deployment
    instance.deployment_ids.append(deployment.id)
