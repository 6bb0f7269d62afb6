"""Mutations of projects, services and their instances."""

import secrets
from collections.abc import Mapping

from local.simulator.railway.context import Args, Context, root
from local.simulator.railway.deploy import IN_PROGRESS, deploy, latest, status_of
from local.simulator.railway.problems import (
    NO_SNAPSHOT,
    NOT_AUTHORIZED,
    PROJECT_THROTTLE,
    REDEPLOY_TOO_EARLY,
    Problem,
    name_taken,
    not_found,
)
from local.simulator.railway.store import Deployment, Environment, Instance, Project, Service, Token, new_id
from local.simulator.wire import Obj, as_obj, as_str

MAX_NAME = 32
_WORDS = ("calm", "brave", "amber", "quiet", "lucid", "north", "river", "delta", "cedar", "ember")


@root("Mutation", "projectCreate")
def project_create(context: Context, args: Args) -> object:
    _not_with_project_token(context)
    body, state = as_obj(args["input"]), context.state
    if context.now < state.last_project_at + context.settings.project_throttle_s:
        raise Problem(PROJECT_THROTTLE)
    name = as_str(body.get("name")) or random_name()
    if len(name) > MAX_NAME:
        raise Problem("Invalid project name")
    state.last_project_at = context.now
    made = Project(new_id(), name, context.now, as_str(body.get("workspaceId")), as_str(body.get("description")))
    made.is_public = bool(body.get("isPublic"))
    state.projects[made.id] = made
    environment_name = as_str(body.get("defaultEnvironmentName")) or "production"
    environment = Environment(new_id(), made.id, environment_name, context.now)
    state.environments[environment.id] = environment
    return made


@root("Mutation", "projectDelete")
def project_delete(context: Context, args: Args) -> object:
    _not_with_project_token(context)
    project, state = context.project(args["id"]), context.state
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


@root("Mutation", "projectScheduleDelete")
def project_schedule_delete(context: Context, args: Args) -> object:
    """Deletion is two days off, which is for ever here."""
    _not_with_project_token(context)
    context.project(args["id"])
    return True


@root("Mutation", "projectTokenCreate")
def project_token_create(context: Context, args: Args) -> object:
    _not_with_project_token(context)
    body = as_obj(args["input"])
    environment = context.environment(str(body["environmentId"]), str(body["projectId"]))
    text = new_id()
    context.state.tokens[text] = Token(new_id(), str(body["name"]), text, environment.project_id, environment.id)
    return text


def _not_with_project_token(context: Context) -> None:
    if context.token is not None:
        raise Problem(NOT_AUTHORIZED)


def random_name() -> str:
    return f"{secrets.choice(_WORDS)}-{secrets.choice(_WORDS)}-{secrets.token_hex(2)}"


def usable_name(context: Context, project_id: str, name: str, but: str | None = None) -> str:
    """The name as it will be stored. Names are unique per project, whichever environment."""
    if not name:
        raise Problem("Invalid service name")
    if len(name) > MAX_NAME:
        if context.settings.overlong_names == "reject":
            raise Problem(f"Service name must be at most {MAX_NAME} characters")
        name = name[:MAX_NAME]
    for service in context.state.services.values():
        taken = service.project_id == project_id and service.deleted_at is None and service.name == name
        if taken and service.id != but:
            raise name_taken(name)
    return name


@root("Mutation", "serviceCreate")
def service_create(context: Context, args: Args) -> object:
    """A service is made in all environments that are no forks; only a fork can be chosen by `environmentId`."""
    body, state = as_obj(args["input"]), context.state
    project = context.project(str(body["projectId"]))
    wanted = as_str(body.get("environmentId"))
    chosen = context.environment(wanted, project.id) if wanted is not None else None
    name = usable_name(context, project.id, str(body["name"]) if body.get("name") is not None else random_name())
    service = Service(new_id(), project.id, name, context.now, as_str(body.get("icon")))
    state.services[service.id] = service
    for environment in state.environments.values():
        permanent = environment.project_id == project.id and environment.deleted_at is None
        if (environment is chosen) if chosen and chosen.is_ephemeral else permanent and not environment.is_ephemeral:
            instance = state.add_instance(service, environment.id, context.now)
            set_source(instance, as_obj(body.get("source")))
            instance.variables |= text_values(as_obj(body.get("variables")))
            if instance.image or instance.repo:
                deploy(state, context.settings, instance, context.now, "serviceCreate")
    return service


def set_source(instance: Instance, source: Mapping[str, object]) -> None:
    if "image" in source:
        instance.image = as_str(source["image"])
    if "repo" in source:
        instance.repo = as_str(source["repo"])


def text_values(values: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}


@root("Mutation", "serviceUpdate")
def service_update(context: Context, args: Args) -> object:
    service, body = context.service(args["id"]), as_obj(args["input"])
    if body.get("name") is not None:
        service.name = usable_name(context, service.project_id, str(body["name"]), but=service.id)
    service.icon = as_str(body.get("icon", service.icon))
    service.updated_at = context.now
    return service


@root("Mutation", "serviceDelete")
def service_delete(context: Context, args: Args) -> object:
    """Delete a service; what was mounted in it stays, detached, and goes on costing money."""
    service = context.state.services.get(args["id"])
    if service is None or service.deleted_at is not None:
        raise Problem(context.settings.delete_twice)
    context.project(service.project_id)
    environment_id = args.get("environmentId")
    fork = context.environment(environment_id, service.project_id) if environment_id is not None else None
    if fork is not None and fork.is_ephemeral:
        remove_instance(context, context.instance(service.id, fork.id))
    else:
        remove_service(context, service)
    return True


def remove_service(context: Context, service: Service) -> None:
    for instance in context.state.instances_of(service.id):
        remove_instance(context, instance)
    service.deleted_at = context.now


def remove_instance(context: Context, instance: Instance) -> None:
    state = context.state
    instance.deleted_at = context.now
    for domain in state.live_domains(instance):
        domain.deleted_at = context.now
    for deployment_id in instance.deployment_ids:
        state.deployments[deployment_id].forced = "REMOVED"
        state.deployments[deployment_id].updated_at = context.now
    mounted = state.attached(instance.service_id, instance.environment_id)
    if mounted is not None:
        mounted.service_id = None
        if context.settings.service_delete_deletes_volume:
            mounted.deleted_at = state.volumes[mounted.volume_id].deleted_at = context.now


@root("Mutation", "serviceInstanceUpdate")
def service_instance_update(context: Context, args: Args) -> object:
    """Change settings without deploying; without an environment, in all of them."""
    body, state = as_obj(args["input"]), context.state
    if args.get("environmentId") is not None:
        instances = [context.instance(args["serviceId"], args["environmentId"])]
    else:
        instances = state.instances_of(context.service(args["serviceId"]).id)
    for instance in instances:
        if context.settings.early_update_ignored and not instance.deployment_ids:
            continue
        attached = state.attached(instance.service_id, instance.environment_id)
        if (as_number(body.get("numReplicas")) or 1) > 1 and attached is not None:
            raise Problem("Services with a volume cannot have replicas")
        set_source(instance, as_obj(body.get("source")))
        settings = {name: value for name, value in body.items() if name not in ("source", "registryCredentials")}
        instance.settings |= settings
        instance.updated_at = context.now
    return True


def as_number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


@root("Mutation", "serviceInstanceLimitsUpdate")
def limits_update(context: Context, args: Args) -> object:
    body: Obj = as_obj(args["input"])
    instance = context.instance(str(body["serviceId"]), str(body["environmentId"]))
    memory, cpu = as_number(body.get("memoryGB")), as_number(body.get("vCPUs"))
    instance.memory_bytes = int(memory * 1024**3) if memory is not None else instance.memory_bytes
    instance.cpu = cpu if cpu is not None else instance.cpu
    return True


@root("Mutation", "serviceInstanceRedeploy")
def service_instance_redeploy(context: Context, args: Args) -> object:
    instance = context.instance(args["serviceId"], args["environmentId"])
    _redeploy(context, instance, latest(context.state, instance), "serviceInstanceRedeploy")
    return True


@root("Mutation", "serviceInstanceDeployV2")
def service_instance_deploy(context: Context, args: Args) -> object:
    instance = context.instance(args["serviceId"], args["environmentId"])
    if not instance.image and not instance.repo:
        raise Problem(NO_SNAPSHOT)
    return deploy(context.state, context.settings, instance, context.now, "serviceInstanceDeployV2").id


def _redeploy(context: Context, instance: Instance, earlier: Deployment | None, cause: str) -> Deployment:
    if earlier is None or earlier.image is None:
        raise Problem(NO_SNAPSHOT)
    if status_of(earlier, context.now) in IN_PROGRESS:
        raise Problem(REDEPLOY_TOO_EARLY)
    return deploy(context.state, context.settings, instance, context.now, cause)


def _deployment(context: Context, deployment_id: str) -> tuple[Deployment, Instance]:
    found = context.state.deployments.get(deployment_id)
    if found is None:
        raise not_found("Deployment")
    return found, context.instance(found.service_id, found.environment_id)


@root("Mutation", "deploymentRedeploy")
def deployment_redeploy(context: Context, args: Args) -> object:
    found, instance = _deployment(context, args["id"])
    return _redeploy(context, instance, found, "deploymentRedeploy")


@root("Mutation", "deploymentRestart")
def deployment_restart(context: Context, args: Args) -> object:
    found, _ = _deployment(context, args["id"])
    _force(context, found, "SUCCESS")
    return True


@root("Mutation", "deploymentStop")
def deployment_stop(context: Context, args: Args) -> object:
    _force(context, _deployment(context, args["id"])[0], "REMOVED")
    return True


@root("Mutation", "deploymentRemove")
def deployment_remove(context: Context, args: Args) -> object:
    _force(context, _deployment(context, args["id"])[0], "REMOVED")
    return True


@root("Mutation", "deploymentCancel")
def deployment_cancel(context: Context, args: Args) -> object:
    found, _ = _deployment(context, args["id"])
    if status_of(found, context.now) in IN_PROGRESS:
        _force(context, found, "REMOVED")
    return True


def _force(context: Context, deployment: Deployment, status: str) -> None:
    deployment.forced, deployment.updated_at = status, context.now
