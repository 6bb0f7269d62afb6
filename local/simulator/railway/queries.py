"""Resolvers of Railway's queries and of the fields of its types."""

from local.simulator.railway.context import Args, Context, resolves, root
from local.simulator.railway.deploy import RUNNING, latest, seen_variables, status_of, status_since
from local.simulator.railway.problems import NOT_AUTHORIZED, Problem, not_found
from local.simulator.railway.relay import connection
from local.simulator.railway.store import (
    Deployment,
    Domain,
    Environment,
    Instance,
    Project,
    Service,
    Volume,
    VolumeInstance,
)
from local.simulator.wire import Obj, as_list, as_obj

GIB = 1024**3


@root("Query", "me")
def me(context: Context, _args: Args) -> object:
    if context.token is not None:
        raise Problem(NOT_AUTHORIZED)  # only account tokens are somebody
    return {"id": "sim-user", "email": "sim@example.invalid", "name": "sim"}


@root("Query", "projectToken")
def project_token(context: Context, _args: Args) -> object:
    if context.token is None:
        raise Problem("Project Token not found")
    return context.token


@root("Query", "project")
def project(context: Context, args: Args) -> object:
    return context.project(args["id"])


@root("Query", "projects")
def projects(context: Context, args: Args) -> object:
    """Without a workspace the list is empty, and no error says why."""
    wanted = args.get("workspaceId")
    found = [
        p for p in context.state.projects.values()
        if wanted is not None and p.workspace_id == wanted and (args.get("includeDeleted") or p.deleted_at is None)
    ]  # fmt: skip
    return connection(found, args, context.settings)


@root("Query", "environments")
def environments(context: Context, args: Args) -> object:
    found = _environments(context.project(args["projectId"]), context)
    ephemeral = args.get("isEphemeral")
    return connection([e for e in found if ephemeral in (None, e.is_ephemeral)], args, context.settings)


@root("Query", "environment")
def environment(context: Context, args: Args) -> object:
    return context.environment(args["id"], args.get("projectId"))


@root("Query", "service")
def service(context: Context, args: Args) -> object:
    return context.service(args["id"])


@root("Query", "serviceInstance")
def service_instance(context: Context, args: Args) -> object:
    return context.instance(args["serviceId"], args["environmentId"])


@root("Query", "serviceInstanceLimits")
def limits(context: Context, args: Args) -> object:
    override = _override(context.instance(args["serviceId"], args["environmentId"]))
    return {"containers": {"cpu": 8, "memoryBytes": 8 * GIB} | override}


@root("Query", "serviceInstanceLimitOverride")
def limit_override(context: Context, args: Args) -> object:
    return {"containers": _override(context.instance(args["serviceId"], args["environmentId"]))}


def _override(instance: Instance) -> Obj:
    values: Obj = {"cpu": instance.cpu, "memoryBytes": instance.memory_bytes}
    return {name: value for name, value in values.items() if value is not None}


@root("Query", "deployment")
def deployment(context: Context, args: Args) -> object:
    found = context.state.deployments.get(args["id"])
    if found is None:
        raise not_found("Deployment")
    context.environment(found.environment_id)
    return found


@root("Query", "deployments")
def deployments(context: Context, args: Args) -> object:
    wanted = as_obj(args["input"])
    if wanted.get("projectId") is not None:
        context.project(str(wanted["projectId"]))
    status = as_obj(wanted.get("status"))
    included, excluded = as_list(status.get("in")), as_list(status.get("notIn"))
    scope = {"projectId": "project_id", "environmentId": "environment_id", "serviceId": "service_id"}
    found: list[Deployment] = []
    for one in context.state.deployments.values():
        if any(wanted.get(name) not in (None, getattr(one, field)) for name, field in scope.items()):
            continue
        if context.token is not None and one.environment_id != context.token.environment_id:
            continue
        if context.state.services[one.service_id].deleted_at is not None and not wanted.get("includeDeleted"):
            continue
        now = status_of(one, context.now)
        if (not included or now in included) and now not in excluded:
            found.append(one)
    return connection(found, args, context.settings, newest_first=True)


@root("Query", "domains")
def domains(context: Context, args: Args) -> object:
    context.project(args["projectId"])
    return _domains(context.instance(args["serviceId"], args["environmentId"]), context, {})


@root("Query", "variables")
def variables(context: Context, args: Args) -> object:
    """A plain map: a service's rendered variables, or the shared ones without a service."""
    of = context.environment(args["environmentId"], args["projectId"])
    if args.get("serviceId") is None:
        return of.shared_variables
    return seen_variables(context.state, context.instance(args["serviceId"], of.id))


@root("Query", "environmentPatches")
def environment_patches(context: Context, args: Args) -> object:
    of = context.environment(args["environmentId"])
    found = [patch for patch in context.state.patches.values() if patch.environment_id == of.id]
    return connection(found, args, context.settings, newest_first=True)


@resolves("Project", "services")
def _project_services(source: Project, context: Context, args: Args) -> object:
    return connection(context.services(source.id), args, context.settings)


@resolves("Project", "volumes")
def _project_volumes(source: Project, context: Context, args: Args) -> object:
    found = [v for v in context.state.volumes.values() if v.project_id == source.id and not context.hidden(v)]
    return connection(found, args, context.settings)


@resolves("Project", "environments")
def _project_environments(source: Project, context: Context, args: Args) -> object:
    return connection(_environments(source, context), args, context.settings)


def _environments(source: Project, context: Context) -> list[Environment]:
    found = [e for e in context.state.environments.values() if e.project_id == source.id and e.deleted_at is None]
    return [e for e in found if context.token is None or e.id == context.token.environment_id]


@resolves("Project", "deployments")
def _project_deployments(source: Project, context: Context, args: Args) -> object:
    found = [d for d in context.state.deployments.values() if d.project_id == source.id]
    return connection(found, args, context.settings, newest_first=True)


@resolves("Environment", "serviceInstances")
def _environment_instances(source: Environment, context: Context, args: Args) -> object:
    found = [i for i in context.state.instances.values() if i.environment_id == source.id]
    return connection(context.instances(found), args, context.settings)


@resolves("Environment", "volumeInstances")
def _environment_volumes(source: Environment, context: Context, args: Args) -> object:
    """Volumes that are being deleted are still listed, flagged."""
    found = [v for v in context.state.volume_instances.values() if v.environment_id == source.id]
    return connection([v for v in found if not context.hidden(v)], args, context.settings)


@resolves("Environment", "deployments")
def _environment_deployments(source: Environment, context: Context, args: Args) -> object:
    found = [d for d in context.state.deployments.values() if d.environment_id == source.id]
    return connection(found, args, context.settings, newest_first=True)


@resolves("Service", "project")
def _service_project(source: Service, context: Context, _args: Args) -> object:
    return context.project(source.project_id)


@resolves("Service", "serviceInstances")
def _service_instances(source: Service, context: Context, args: Args) -> object:
    return connection(context.instances(context.state.instances_of(source.id)), args, context.settings)


@resolves("Service", "deployments")
def _service_deployments(source: Service, context: Context, args: Args) -> object:
    ids = [one for instance in context.state.instances_of(source.id) for one in instance.deployment_ids]
    return connection([context.state.deployments[i] for i in ids], args, context.settings, newest_first=True)


@resolves("ServiceInstance", "serviceName")
def _service_name(source: Instance, context: Context, _args: Args) -> object:
    return context.state.services[source.service_id].name


@resolves("ServiceInstance", "source")
def _source(source: Instance, _context: Context, _args: Args) -> object:
    return {"image": source.image, "repo": source.repo} if source.image or source.repo else None


@resolves("ServiceInstance", "latestDeployment")
def _latest(source: Instance, context: Context, _args: Args) -> object:
    return latest(context.state, source)


@resolves("ServiceInstance", "activeDeployments")
def _active(source: Instance, context: Context, _args: Args) -> object:
    found = [context.state.deployments[deployment_id] for deployment_id in source.deployment_ids]
    return [d for d in found if status_of(d, context.now) in RUNNING]


@resolves("ServiceInstance", "domains")
def _domains(source: Instance, context: Context, _args: Args) -> object:
    return {"serviceDomains": context.state.live_domains(source), "customDomains": []}


def _setting(name: str, default: object = None) -> None:
    """A field of ServiceInstance that just shows what was set."""

    @resolves("ServiceInstance", name)
    def _(source: Instance, _context: Context, _args: Args) -> object:  # pyright: ignore[reportUnusedFunction]
        return source.settings.get(name, default)


for _name in (
    "startCommand", "buildCommand", "healthcheckPath", "healthcheckTimeout", "numReplicas", "region",
    "sleepApplication", "rootDirectory", "cronSchedule",
):  # fmt: skip
    _setting(_name)
_setting("restartPolicyType", "ON_FAILURE")
_setting("restartPolicyMaxRetries", 10)


@resolves("Deployment", "status")
def _status(source: Deployment, context: Context, _args: Args) -> object:
    return status_of(source, context.now)


@resolves("Deployment", "statusUpdatedAt")
def _status_updated(source: Deployment, context: Context, _args: Args) -> object:
    return status_since(source, context.now)


@resolves("Deployment", "snapshotId")
def _snapshot(source: Deployment, _context: Context, _args: Args) -> object:
    return source.id if source.image else None


@resolves("Deployment", "canRedeploy")
def _can_redeploy(source: Deployment, context: Context, _args: Args) -> object:
    return source.image is not None and status_of(source, context.now) in RUNNING | {"FAILED", "REMOVED"}


@resolves("Deployment", "staticUrl")
def _static_url(source: Deployment, _context: Context, _args: Args) -> object:
    return source.domain


@resolves("Deployment", "url")
def _url(source: Deployment, _context: Context, _args: Args) -> object:
    return f"https://{source.domain}" if source.domain else None


@resolves("Deployment", "meta")
def _meta(source: Deployment, _context: Context, _args: Args) -> object:
    return {"image": source.image, "reason": source.cause}


@resolves("ServiceDomain", "syncStatus")
def _sync(source: Domain, _context: Context, _args: Args) -> object:
    return "DELETED" if source.deleted_at is not None else "ACTIVE"


@resolves("Volume", "volumeInstances")
def _volume_instances(source: Volume, context: Context, args: Args) -> object:
    found = [v for v in context.state.volume_instances.values() if v.volume_id == source.id]
    return connection([v for v in found if not context.hidden(v)], args, context.settings)


@resolves("VolumeInstance", "volume")
def _volume(source: VolumeInstance, context: Context, _args: Args) -> object:
    return context.state.volumes[source.volume_id]


@resolves("VolumeInstance", "isPendingDeletion")
def _pending_deletion(source: VolumeInstance, _context: Context, _args: Args) -> object:
    return source.deleted_at is not None


@resolves("VolumeInstance", "sizeMB")
def _size(source: VolumeInstance, _context: Context, _args: Args) -> object:
    return source.size_mb


@resolves("VolumeInstance", "currentSizeMB")
def _current_size(source: VolumeInstance, _context: Context, _args: Args) -> object:
    return source.current_size_mb
