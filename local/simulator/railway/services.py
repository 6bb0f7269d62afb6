"""Mutations of projects, services, service instances and deployments."""

import secrets
from collections.abc import Mapping

from local.simulator.http.messages import Obj, as_obj, as_str
from local.simulator.railway.context import Args, ResolverContext, root_resolver
from local.simulator.railway.deployments import (
    IN_PROGRESS_STATUSES,
    compute_status,
    create_deployment,
    find_latest_deployment,
)
from local.simulator.railway.errors import (
    NO_SNAPSHOT,
    NOT_AUTHORIZED,
    PROJECT_THROTTLE,
    REDEPLOY_TOO_EARLY,
    BusinessError,
    name_taken_error,
    not_found_error,
)
from local.simulator.state.railway import (
    Deployment,
    Environment,
    Project,
    ProjectToken,
    Service,
    ServiceInstance,
    new_id,
)

MAX_NAME = 32
_WORDS = ("calm", "brave", "amber", "quiet", "lucid", "north", "river", "delta", "cedar", "ember")


@root_resolver("Mutation", "projectCreate")
def project_create(context: ResolverContext, args: Args) -> object:
    """Create a project with one environment; Railway allows one project per 30 s (`project_throttle_s`)."""
    _require_account_token(context)
    body, state = as_obj(args["input"]), context.state
    if context.now < state.last_project_at + context.settings.project_throttle_s:
        raise BusinessError(PROJECT_THROTTLE)
    name = as_str(body.get("name")) or generate_name()
    if len(name) > MAX_NAME:
        raise BusinessError("Invalid project name")
    state.last_project_at = context.now
    project = Project(new_id(), name, context.now, as_str(body.get("workspaceId")), as_str(body.get("description")))
    project.is_public = bool(body.get("isPublic"))
    state.projects[project.id] = project
    environment_name = as_str(body.get("defaultEnvironmentName")) or "production"
    environment = Environment(new_id(), project.id, environment_name, context.now)
    state.environments[environment.id] = environment
    return project


@root_resolver("Mutation", "projectDelete")
def project_delete(context: ResolverContext, args: Args) -> object:
    """Delete a project at once, with all its environments, services and volumes."""
    _require_account_token(context)
    project, state = context.get_project(args["id"]), context.state
    project.deleted_at = context.now
    for environment in state.environments.values():
        if environment.project_id == project.id:
            environment.deleted_at = environment.deleted_at or context.now
    for service in state.services.values():
        if service.project_id == project.id and service.deleted_at is None:
            remove_service(context, service)
    for volume in state.volumes.values():
        if volume.project_id == project.id:
            volume.deleted_at = volume.deleted_at or context.now
    for mounted in state.volume_instances.values():
        if state.volumes[mounted.volume_id].project_id == project.id:
            mounted.deleted_at = mounted.deleted_at or context.now
    return True


@root_resolver("Mutation", "projectScheduleDelete")
def project_schedule_delete(context: ResolverContext, args: Args) -> object:
    """Accept the request and change nothing: Railway deletes after two days, longer than a simulator runs."""
    _require_account_token(context)
    context.get_project(args["id"])
    return True


@root_resolver("Mutation", "projectTokenCreate")
def project_token_create(context: ResolverContext, args: Args) -> object:
    """Create a token for one environment; its plaintext is returned only by this call."""
    _require_account_token(context)
    body = as_obj(args["input"])
    environment = context.get_environment(str(body["environmentId"]), str(body["projectId"]))
    text = new_id()
    context.state.tokens[text] = ProjectToken(new_id(), str(body["name"]), text, environment.project_id, environment.id)
    return text


def _require_account_token(context: ResolverContext) -> None:
    if context.token is not None:
        raise BusinessError(NOT_AUTHORIZED)


def generate_name() -> str:
    """Generate a name of two words and a random suffix, as Railway does for a missing name."""
    return f"{secrets.choice(_WORDS)}-{secrets.choice(_WORDS)}-{secrets.token_hex(2)}"


def validate_service_name(context: ResolverContext, project_id: str, name: str, excluded_id: str | None = None) -> str:
    """Validate a service name, which must be unique in its project over all environments.

    Args:
        context: The request's context.
        project_id: The project of the service.
        name: The requested name.
        excluded_id: Id of the service to rename; its own name counts as free.

    Returns:
        The name to store, cut to `MAX_NAME` characters if `overlong_names` is `truncate`.

    Raises:
        BusinessError: The name is empty, too long or in use.
    """
    if not name:
        raise BusinessError("Invalid service name")
    if len(name) > MAX_NAME:
        if context.settings.overlong_names == "reject":
            raise BusinessError(f"Service name must be at most {MAX_NAME} characters")
        name = name[:MAX_NAME]
    for service in context.state.services.values():
        is_taken = service.project_id == project_id and service.deleted_at is None and service.name == name
        if is_taken and service.id != excluded_id:
            raise name_taken_error(name)
    return name


@root_resolver("Mutation", "serviceCreate")
def service_create(context: ResolverContext, args: Args) -> object:
    """Create a service in all environments that are not forks, or only in the fork that `environmentId` names."""
    body, state = as_obj(args["input"]), context.state
    project = context.get_project(str(body["projectId"]))
    wanted = as_str(body.get("environmentId"))
    chosen = context.get_environment(wanted, project.id) if wanted is not None else None
    name = validate_service_name(
        context, project.id, str(body["name"]) if body.get("name") is not None else generate_name()
    )
    service = Service(new_id(), project.id, name, context.now, as_str(body.get("icon")))
    state.services[service.id] = service
    for environment in state.environments.values():
        permanent = environment.project_id == project.id and environment.deleted_at is None
        if (environment is chosen) if chosen and chosen.is_ephemeral else permanent and not environment.is_ephemeral:
            instance = state.add_instance(service, environment.id, context.now)
            set_source(instance, as_obj(body.get("source")))
            instance.variables |= stringify_values(as_obj(body.get("variables")))
            if instance.image or instance.repo:
                create_deployment(state, context.settings, instance, context.now, "serviceCreate")
    return service


def set_source(instance: ServiceInstance, source: Mapping[str, object]) -> None:
    """Set the image and repository that `source` contains; an absent key changes nothing, null removes the value."""
    if "image" in source:
        instance.image = as_str(source["image"])
    if "repo" in source:
        instance.repo = as_str(source["repo"])


def stringify_values(values: Mapping[str, object]) -> dict[str, str]:
    """Convert values to strings and drop nulls."""
    return {name: str(value) for name, value in values.items() if value is not None}


@root_resolver("Mutation", "serviceUpdate")
def service_update(context: ResolverContext, args: Args) -> object:
    """Change name or icon; a new name must be free in the project."""
    service, body = context.get_service(args["id"]), as_obj(args["input"])
    if body.get("name") is not None:
        service.name = validate_service_name(context, service.project_id, str(body["name"]), excluded_id=service.id)
    service.icon = as_str(body.get("icon", service.icon))
    service.updated_at = context.now
    return service


@root_resolver("Mutation", "serviceDelete")
def service_delete(context: ResolverContext, args: Args) -> object:
    """Delete a service, or with a fork's `environmentId` only its instance; its volumes stay, detached and billed."""
    service = context.state.services.get(args["id"])
    if service is None or service.deleted_at is not None:
        raise BusinessError(context.settings.delete_twice)
    context.get_project(service.project_id)
    environment_id = args.get("environmentId")
    fork = context.get_environment(environment_id, service.project_id) if environment_id is not None else None
    if fork is not None and fork.is_ephemeral:
        remove_instance(context, context.get_instance(service.id, fork.id))
    else:
        remove_service(context, service)
    return True


def remove_service(context: ResolverContext, service: Service) -> None:
    """Mark a service and all its instances as deleted."""
    for instance in context.state.list_instances(service.id):
        remove_instance(context, instance)
    service.deleted_at = context.now


def remove_instance(context: ResolverContext, instance: ServiceInstance) -> None:
    """Mark an instance and its domains as deleted, its deployments as REMOVED, and detach its volume.

    The volume is deleted only with `service_delete_deletes_volume`.
    """
    state = context.state
    instance.deleted_at = context.now
    for domain in state.list_live_domains(instance):
        domain.deleted_at = context.now
    for deployment_id in instance.deployment_ids:
        state.deployments[deployment_id].forced = "REMOVED"
        state.deployments[deployment_id].updated_at = context.now
    mounted = state.find_attached_volume(instance.service_id, instance.environment_id)
    if mounted is not None:
        mounted.service_id = None
        if context.settings.service_delete_deletes_volume:
            mounted.deleted_at = state.volumes[mounted.volume_id].deleted_at = context.now


@root_resolver("Mutation", "serviceInstanceUpdate")
def service_instance_update(context: ResolverContext, args: Args) -> object:
    """Change settings without a deployment; without `environmentId` in all environments."""
    body, state = as_obj(args["input"]), context.state
    if args.get("environmentId") is not None:
        instances = [context.get_instance(args["serviceId"], args["environmentId"])]
    else:
        instances = state.list_instances(context.get_service(args["serviceId"]).id)
    for instance in instances:
        if context.settings.early_update_ignored and not instance.deployment_ids:
            continue
        attached = state.find_attached_volume(instance.service_id, instance.environment_id)
        if (as_number(body.get("numReplicas")) or 1) > 1 and attached is not None:
            raise BusinessError("Services with a volume cannot have replicas")
        set_source(instance, as_obj(body.get("source")))
        settings = {name: value for name, value in body.items() if name not in ("source", "registryCredentials")}
        instance.settings |= settings
        instance.updated_at = context.now
    return True


def as_number(value: object) -> float | None:
    """Return the value if it is a JSON number, else None."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


@root_resolver("Mutation", "serviceInstanceLimitsUpdate")
def service_instance_limits_update(context: ResolverContext, args: Args) -> object:
    """Override CPU (`vCPUs`) and memory (`memoryGB`, counted in GiB) of an instance."""
    body: Obj = as_obj(args["input"])
    instance = context.get_instance(str(body["serviceId"]), str(body["environmentId"]))
    memory, cpu = as_number(body.get("memoryGB")), as_number(body.get("vCPUs"))
    instance.memory_bytes = int(memory * 1024**3) if memory is not None else instance.memory_bytes
    instance.cpu = cpu if cpu is not None else instance.cpu
    return True


@root_resolver("Mutation", "serviceInstanceRedeploy")
def service_instance_redeploy(context: ResolverContext, args: Args) -> object:
    """Create a new deployment of an instance; rejected while its latest one is in progress or if it has no image."""
    instance = context.get_instance(args["serviceId"], args["environmentId"])
    _redeploy(context, instance, find_latest_deployment(context.state, instance), "serviceInstanceRedeploy")
    return True


@root_resolver("Mutation", "serviceInstanceDeployV2")
def service_instance_deploy(context: ResolverContext, args: Args) -> object:
    """Deploy the instance's present settings and return the deployment's id; needs an image or repository."""
    instance = context.get_instance(args["serviceId"], args["environmentId"])
    if not instance.image and not instance.repo:
        raise BusinessError(NO_SNAPSHOT)
    return create_deployment(context.state, context.settings, instance, context.now, "serviceInstanceDeployV2").id


def _redeploy(
    context: ResolverContext, instance: ServiceInstance, earlier: Deployment | None, cause: str
) -> Deployment:
    if earlier is None or earlier.image is None:
        raise BusinessError(NO_SNAPSHOT)
    if compute_status(earlier, context.now) in IN_PROGRESS_STATUSES:
        raise BusinessError(REDEPLOY_TOO_EARLY)
    return create_deployment(context.state, context.settings, instance, context.now, cause)


def _get_deployment(context: ResolverContext, deployment_id: str) -> tuple[Deployment, ServiceInstance]:
    found = context.state.deployments.get(deployment_id)
    if found is None:
        raise not_found_error("Deployment")
    return found, context.get_instance(found.service_id, found.environment_id)


@root_resolver("Mutation", "deploymentRedeploy")
def deployment_redeploy(context: ResolverContext, args: Args) -> object:
    """Create a new deployment of the same instance; rejected while the given one is in progress or without an image."""
    found, instance = _get_deployment(context, args["id"])
    return _redeploy(context, instance, found, "deploymentRedeploy")


@root_resolver("Mutation", "deploymentRestart")
def deployment_restart(context: ResolverContext, args: Args) -> object:
    """Restart a deployment; its status becomes SUCCESS at once."""
    found, _ = _get_deployment(context, args["id"])
    _force_status(context, found, "SUCCESS")
    return True


@root_resolver("Mutation", "deploymentStop")
def deployment_stop(context: ResolverContext, args: Args) -> object:
    """Stop a deployment; its status becomes REMOVED at once."""
    _force_status(context, _get_deployment(context, args["id"])[0], "REMOVED")
    return True


@root_resolver("Mutation", "deploymentRemove")
def deployment_remove(context: ResolverContext, args: Args) -> object:
    """Remove a deployment; it stays listed with status REMOVED."""
    _force_status(context, _get_deployment(context, args["id"])[0], "REMOVED")
    return True


@root_resolver("Mutation", "deploymentCancel")
def deployment_cancel(context: ResolverContext, args: Args) -> object:
    """Cancel a deployment in progress; in any other status nothing changes and there is no error."""
    found, _ = _get_deployment(context, args["id"])
    if compute_status(found, context.now) in IN_PROGRESS_STATUSES:
        _force_status(context, found, "REMOVED")
    return True


def _force_status(context: ResolverContext, deployment: Deployment, status: str) -> None:
    deployment.forced, deployment.updated_at = status, context.now
