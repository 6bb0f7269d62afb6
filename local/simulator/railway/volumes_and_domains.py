"""Mutations of volumes and of generated service domains."""

import secrets

from local.simulator.http.messages import as_obj, as_str
from local.simulator.http.provider_errors import VOLUME_THROTTLE_MESSAGE
from local.simulator.railway.context import Args, ResolverContext, root_resolver
from local.simulator.railway.errors import PROCESSING_PROBLEM, BusinessError, not_found_error
from local.simulator.railway.services import generate_name
from local.simulator.state.railway import (
    Environment,
    ServiceDomain,
    ServiceInstance,
    Volume,
    VolumeInstance,
    new_id,
)


@root_resolver("Mutation", "volumeCreate")
def volume_create(context: ResolverContext, args: Args) -> object:
    """Create a volume with an instance in `environmentId`, in all environments without it, in none if it is null."""
    body, state, settings = as_obj(args["input"]), context.state, context.settings
    project = context.get_project(str(body["projectId"]))
    service_id = as_str(body.get("serviceId"))
    if "environmentId" not in body:
        targets = [e for e in state.environments.values() if e.project_id == project.id and e.deleted_at is None]
    elif body["environmentId"] is None:
        targets: list[Environment] = []
    else:
        targets = [context.get_environment(str(body["environmentId"]), project.id)]
    if not str(body["mountPath"]).startswith("/"):
        raise BusinessError("Mount path must be absolute")
    if context.now < state.last_volume_at + settings.volume_throttle_s:
        raise BusinessError(VOLUME_THROTTLE_MESSAGE)
    if service_id is not None:
        _validate_service(context, service_id, project.id, targets)
    live = [v for v in state.volumes.values() if v.project_id == project.id and v.deleted_at is None]
    if settings.max_volumes is not None and len(live) >= settings.max_volumes:
        raise BusinessError("Volume limit reached for this project")
    state.last_volume_at = context.now
    volume = Volume(new_id(), project.id, f"{generate_name()}-volume", context.now)
    state.volumes[volume.id] = volume
    for environment in targets:
        mounted = VolumeInstance(new_id(), volume.id, environment.id, str(body["mountPath"]), context.now, service_id)
        mounted.region = as_str(body.get("region"))
        state.volume_instances[mounted.id] = mounted
    return volume


def _validate_service(context: ResolverContext, service_id: str, project_id: str, targets: list[Environment]) -> None:
    service = context.state.services.get(service_id)
    if service is None or service.deleted_at is not None or service.project_id != project_id:
        raise not_found_error("Service")
    if context.is_hidden(service) and context.settings.lag_refuses_dependents:
        raise BusinessError(PROCESSING_PROBLEM)
    for environment in targets:
        instance = context.state.find_instance(service_id, environment.id)
        if instance is None or context.state.find_attached_volume(service_id, environment.id) is not None:
            raise BusinessError(PROCESSING_PROBLEM)  # Railway allows one volume per service
        if instance.deployment_ids and context.settings.volume_on_deployed_service == "refuse":
            raise BusinessError("Cannot create a volume on a service that has deployments")


@root_resolver("Mutation", "volumeDelete")
def volume_delete(context: ResolverContext, args: Args) -> object:
    """Mark a volume for deletion. Railway deletes it after two days; until then it is listed with its `serviceId`."""
    volume = context.state.volumes.get(args["volumeId"])
    if volume is None or volume.deleted_at is not None:
        raise BusinessError(context.settings.delete_twice)
    context.get_project(volume.project_id)
    volume.deleted_at = context.now
    for mounted in context.state.volume_instances.values():
        if mounted.volume_id == volume.id:
            mounted.deleted_at = mounted.deleted_at or context.now
    return True


@root_resolver("Mutation", "volumeInstanceUpdate")
def volume_instance_update(context: ResolverContext, args: Args) -> object:
    """Change mount path, service or state of a volume's instances, in all environments or in `environmentId`."""
    body, environment_id = as_obj(args["input"]), args.get("environmentId")
    if environment_id is not None:
        context.get_environment(environment_id)
    found = [
        mounted for mounted in context.state.volume_instances.values()
        if mounted.volume_id == args["volumeId"] and environment_id in (None, mounted.environment_id)
        and mounted.deleted_at is None and not context.is_hidden(mounted)
    ]  # fmt: skip
    if not found:
        raise not_found_error("VolumeInstance")
    for mounted in found:
        if body.get("serviceId") is not None:
            context.get_instance(str(body["serviceId"]), mounted.environment_id)
            attached = context.state.find_attached_volume(str(body["serviceId"]), mounted.environment_id)
            if attached is not None and attached is not mounted:
                raise BusinessError(PROCESSING_PROBLEM)
    for mounted in found:
        mounted.mount_path = as_str(body.get("mountPath")) or mounted.mount_path
        if "serviceId" in body:
            mounted.service_id = as_str(body["serviceId"])
        mounted.state = as_str(body.get("state")) or mounted.state
    return True


@root_resolver("Mutation", "serviceDomainCreate")
def service_domain_create(context: ResolverContext, args: Args) -> object:
    """Create a domain under `up.railway.app` for a service instance; several are allowed."""
    body = as_obj(args["input"])
    instance = context.get_instance(str(body["serviceId"]), str(body["environmentId"]))
    port = body.get("targetPort")
    return _add_domain(context, instance, port if isinstance(port, int) else None)


def _add_domain(context: ResolverContext, instance: ServiceInstance, target_port: int | None) -> ServiceDomain:
    service = context.state.services[instance.service_id]
    environment = context.state.environments[instance.environment_id]
    name = f"{service.name.lower()}-{environment.name}-{secrets.token_hex(2)}.up.railway.app"
    domain = ServiceDomain(new_id(), name, service.id, environment.id, context.now, target_port=target_port)
    context.state.domains[domain.id] = domain
    instance.domain_ids.append(domain.id)
    return domain


@root_resolver("Mutation", "serviceDomainDelete")
def service_domain_delete(context: ResolverContext, args: Args) -> object:
    """Delete a domain; deleting it twice is an error (`delete_twice`)."""
    domain = context.state.domains.get(args["id"])
    if domain is None or domain.deleted_at is not None:
        raise BusinessError(context.settings.delete_twice)
    context.get_environment(domain.environment_id)
    domain.deleted_at = context.now
    return True
