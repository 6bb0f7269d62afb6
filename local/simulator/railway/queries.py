"""Resolvers of Railway's queries and of the computed fields of its types."""

from local.simulator.http.messages import Obj, as_list, as_obj
from local.simulator.railway.context import Args, ResolverContext, field_resolver, root_resolver
from local.simulator.railway.deployments import (
    ACTIVE_STATUSES,
    compute_status,
    compute_status_start,
    find_latest_deployment,
    render_variables,
)
from local.simulator.railway.errors import NOT_AUTHORIZED, BusinessError, not_found_error
from local.simulator.railway.pagination import build_connection
from local.simulator.state.railway import (
    Deployment,
    Environment,
    Project,
    Service,
    ServiceDomain,
    ServiceInstance,
    Volume,
    VolumeInstance,
)

GIB = 1024**3


@root_resolver("Query", "me")
def resolve_me(context: ResolverContext, _args: Args) -> object:
    """Return the account; Railway rejects project tokens, which belong to no account."""
    if context.token is not None:
        raise BusinessError(NOT_AUTHORIZED)
    return {"id": "sim-user", "email": "sim@example.invalid", "name": "sim"}


@root_resolver("Query", "projectToken")
def resolve_project_token(context: ResolverContext, _args: Args) -> object:
    """Return the request's project token; an account token is an error."""
    if context.token is None:
        raise BusinessError("Project Token not found")
    return context.token


@root_resolver("Query", "project")
def resolve_project(context: ResolverContext, args: Args) -> object:
    """Return a live project by `id`."""
    return context.get_project(args["id"])


@root_resolver("Query", "projects")
def resolve_projects(context: ResolverContext, args: Args) -> object:
    """List a workspace's projects; without `workspaceId` the list is empty and there is no error."""
    workspace_id = args.get("workspaceId")
    found = [
        p
        for p in context.state.projects.values()
        if workspace_id is not None
        and p.workspace_id == workspace_id
        and (args.get("includeDeleted") or p.deleted_at is None)
    ]
    return build_connection(found, args, context.settings)


@root_resolver("Query", "environments")
def resolve_environments(context: ResolverContext, args: Args) -> object:
    """List the project's environments; with a project token only the token's own."""
    found = _list_environments(context.get_project(args["projectId"]), context)
    ephemeral = args.get("isEphemeral")
    return build_connection([e for e in found if ephemeral in (None, e.is_ephemeral)], args, context.settings)


@root_resolver("Query", "environment")
def resolve_environment(context: ResolverContext, args: Args) -> object:
    """Return a live environment by `id`, which must belong to `projectId` if that is given."""
    return context.get_environment(args["id"], args.get("projectId"))


@root_resolver("Query", "service")
def resolve_service(context: ResolverContext, args: Args) -> object:
    """Return a live service by `id`, unless the read lag hides it."""
    return context.get_service(args["id"])


@root_resolver("Query", "serviceInstance")
def resolve_service_instance(context: ResolverContext, args: Args) -> object:
    """Return the instance of `serviceId` in `environmentId`."""
    return context.get_instance(args["serviceId"], args["environmentId"])


@root_resolver("Query", "serviceInstanceLimits")
def resolve_service_instance_limits(context: ResolverContext, args: Args) -> object:
    """Return the effective limits: 8 vCPUs and 8 GiB, replaced by the instance's override."""
    override = _get_limit_override(context.get_instance(args["serviceId"], args["environmentId"]))
    return {"containers": {"cpu": 8, "memoryBytes": 8 * GIB} | override}


@root_resolver("Query", "serviceInstanceLimitOverride")
def resolve_service_instance_limit_override(context: ResolverContext, args: Args) -> object:
    """Return only the limits that were set for this instance; empty without an override."""
    return {"containers": _get_limit_override(context.get_instance(args["serviceId"], args["environmentId"]))}


def _get_limit_override(instance: ServiceInstance) -> Obj:
    values: Obj = {"cpu": instance.cpu, "memoryBytes": instance.memory_bytes}
    return {name: value for name, value in values.items() if value is not None}


@root_resolver("Query", "deployment")
def resolve_deployment(context: ResolverContext, args: Args) -> object:
    """Return a deployment by `id`, whatever its status."""
    found = context.state.deployments.get(args["id"])
    if found is None:
        raise not_found_error("Deployment")
    context.get_environment(found.environment_id)
    return found


@root_resolver("Query", "deployments")
def resolve_deployments(context: ResolverContext, args: Args) -> object:
    """List deployments, newest first; those of deleted services only with `includeDeleted`."""
    filters = as_obj(args["input"])
    if filters.get("projectId") is not None:
        context.get_project(str(filters["projectId"]))
    status = as_obj(filters.get("status"))
    included, excluded = as_list(status.get("in")), as_list(status.get("notIn"))
    scope = {"projectId": "project_id", "environmentId": "environment_id", "serviceId": "service_id"}
    found: list[Deployment] = []
    for one in context.state.deployments.values():
        if any(filters.get(name) not in (None, getattr(one, field)) for name, field in scope.items()):
            continue
        if context.token is not None and one.environment_id != context.token.environment_id:
            continue
        if context.state.services[one.service_id].deleted_at is not None and not filters.get("includeDeleted"):
            continue
        current_status = compute_status(one, context.now)
        if (not included or current_status in included) and current_status not in excluded:
            found.append(one)
    return build_connection(found, args, context.settings, newest_first=True)


@root_resolver("Query", "domains")
def resolve_domains(context: ResolverContext, args: Args) -> object:
    """Return the live domains of a service instance; there are never custom domains."""
    context.get_project(args["projectId"])
    return _resolve_instance_domains(context.get_instance(args["serviceId"], args["environmentId"]), context, {})


@root_resolver("Query", "variables")
def resolve_variables(context: ResolverContext, args: Args) -> object:
    """Return a plain map: the service's rendered variables, or the shared ones without `serviceId`."""
    target = context.get_environment(args["environmentId"], args["projectId"])
    if args.get("serviceId") is None:
        return target.shared_variables
    return render_variables(context.state, context.get_instance(args["serviceId"], target.id))


@root_resolver("Query", "environmentPatches")
def resolve_environment_patches(context: ResolverContext, args: Args) -> object:
    """List the environment's patches, staged and committed, newest first."""
    target = context.get_environment(args["environmentId"])
    found = [patch for patch in context.state.patches.values() if patch.environment_id == target.id]
    return build_connection(found, args, context.settings, newest_first=True)


@field_resolver("Project", "services")
def _resolve_project_services(source: Project, context: ResolverContext, args: Args) -> object:
    return build_connection(context.list_services(source.id), args, context.settings)


@field_resolver("Project", "volumes")
def _resolve_project_volumes(source: Project, context: ResolverContext, args: Args) -> object:
    found = [v for v in context.state.volumes.values() if v.project_id == source.id and not context.is_hidden(v)]
    return build_connection(found, args, context.settings)


@field_resolver("Project", "environments")
def _resolve_project_environments(source: Project, context: ResolverContext, args: Args) -> object:
    return build_connection(_list_environments(source, context), args, context.settings)


def _list_environments(source: Project, context: ResolverContext) -> list[Environment]:
    found = [e for e in context.state.environments.values() if e.project_id == source.id and e.deleted_at is None]
    return [e for e in found if context.token is None or e.id == context.token.environment_id]


@field_resolver("Project", "deployments")
def _resolve_project_deployments(source: Project, context: ResolverContext, args: Args) -> object:
    found = [d for d in context.state.deployments.values() if d.project_id == source.id]
    return build_connection(found, args, context.settings, newest_first=True)


@field_resolver("Environment", "serviceInstances")
def _resolve_environment_instances(source: Environment, context: ResolverContext, args: Args) -> object:
    found = [i for i in context.state.instances.values() if i.environment_id == source.id]
    return build_connection(context.filter_visible(found), args, context.settings)


@field_resolver("Environment", "volumeInstances")
def _resolve_environment_volumes(source: Environment, context: ResolverContext, args: Args) -> object:
    """List the environment's volumes; deleted ones are still listed, with `isPendingDeletion` set."""
    found = [v for v in context.state.volume_instances.values() if v.environment_id == source.id]
    return build_connection([v for v in found if not context.is_hidden(v)], args, context.settings)


@field_resolver("Environment", "deployments")
def _resolve_environment_deployments(source: Environment, context: ResolverContext, args: Args) -> object:
    found = [d for d in context.state.deployments.values() if d.environment_id == source.id]
    return build_connection(found, args, context.settings, newest_first=True)


@field_resolver("Service", "project")
def _resolve_service_project(source: Service, context: ResolverContext, _args: Args) -> object:
    return context.get_project(source.project_id)


@field_resolver("Service", "serviceInstances")
def _resolve_service_instances(source: Service, context: ResolverContext, args: Args) -> object:
    return build_connection(context.filter_visible(context.state.list_instances(source.id)), args, context.settings)


@field_resolver("Service", "deployments")
def _resolve_service_deployments(source: Service, context: ResolverContext, args: Args) -> object:
    ids = [one for instance in context.state.list_instances(source.id) for one in instance.deployment_ids]
    return build_connection([context.state.deployments[i] for i in ids], args, context.settings, newest_first=True)


@field_resolver("ServiceInstance", "serviceName")
def _resolve_service_name(source: ServiceInstance, context: ResolverContext, _args: Args) -> object:
    return context.state.services[source.service_id].name


@field_resolver("ServiceInstance", "source")
def _resolve_source(source: ServiceInstance, _context: ResolverContext, _args: Args) -> object:
    return {"image": source.image, "repo": source.repo} if source.image or source.repo else None


@field_resolver("ServiceInstance", "latestDeployment")
def _resolve_latest_deployment(source: ServiceInstance, context: ResolverContext, _args: Args) -> object:
    return find_latest_deployment(context.state, source)


@field_resolver("ServiceInstance", "activeDeployments")
def _resolve_active_deployments(source: ServiceInstance, context: ResolverContext, _args: Args) -> object:
    found = [context.state.deployments[deployment_id] for deployment_id in source.deployment_ids]
    return [d for d in found if compute_status(d, context.now) in ACTIVE_STATUSES]


@field_resolver("ServiceInstance", "domains")
def _resolve_instance_domains(source: ServiceInstance, context: ResolverContext, _args: Args) -> object:
    return {"serviceDomains": context.state.list_live_domains(source), "customDomains": []}


def _register_setting(name: str, default: object = None) -> None:
    """Register the resolver of a ServiceInstance field that returns the stored setting."""

    @field_resolver("ServiceInstance", name)
    def _(source: ServiceInstance, _context: ResolverContext, _args: Args) -> object:  # pyright: ignore[reportUnusedFunction]
        return source.settings.get(name, default)


for _name in (
    "startCommand", "buildCommand", "healthcheckPath", "healthcheckTimeout", "numReplicas", "region",
    "sleepApplication", "rootDirectory", "cronSchedule",
):  # fmt: skip
    _register_setting(_name)
_register_setting("restartPolicyType", "ON_FAILURE")
_register_setting("restartPolicyMaxRetries", 10)


@field_resolver("Deployment", "status")
def _resolve_status(source: Deployment, context: ResolverContext, _args: Args) -> object:
    return compute_status(source, context.now)


@field_resolver("Deployment", "statusUpdatedAt")
def _resolve_status_updated_at(source: Deployment, context: ResolverContext, _args: Args) -> object:
    return compute_status_start(source, context.now)


@field_resolver("Deployment", "snapshotId")
def _resolve_snapshot_id(source: Deployment, _context: ResolverContext, _args: Args) -> object:
    return source.id if source.image else None


@field_resolver("Deployment", "canRedeploy")
def _resolve_can_redeploy(source: Deployment, context: ResolverContext, _args: Args) -> object:
    return source.image is not None and compute_status(source, context.now) in ACTIVE_STATUSES | {"FAILED", "REMOVED"}


@field_resolver("Deployment", "staticUrl")
def _resolve_static_url(source: Deployment, _context: ResolverContext, _args: Args) -> object:
    return source.domain


@field_resolver("Deployment", "url")
def _resolve_url(source: Deployment, _context: ResolverContext, _args: Args) -> object:
    return f"https://{source.domain}" if source.domain else None


@field_resolver("Deployment", "meta")
def _resolve_meta(source: Deployment, _context: ResolverContext, _args: Args) -> object:
    return {"image": source.image, "reason": source.cause}


@field_resolver("ServiceDomain", "syncStatus")
def _resolve_sync_status(source: ServiceDomain, _context: ResolverContext, _args: Args) -> object:
    return "DELETED" if source.deleted_at is not None else "ACTIVE"


@field_resolver("Volume", "volumeInstances")
def _resolve_volume_instances(source: Volume, context: ResolverContext, args: Args) -> object:
    found = [v for v in context.state.volume_instances.values() if v.volume_id == source.id]
    return build_connection([v for v in found if not context.is_hidden(v)], args, context.settings)


@field_resolver("VolumeInstance", "volume")
def _resolve_volume(source: VolumeInstance, context: ResolverContext, _args: Args) -> object:
    return context.state.volumes[source.volume_id]


@field_resolver("VolumeInstance", "isPendingDeletion")
def _resolve_is_pending_deletion(source: VolumeInstance, _context: ResolverContext, _args: Args) -> object:
    return source.deleted_at is not None


@field_resolver("VolumeInstance", "sizeMB")
def _resolve_size_mb(source: VolumeInstance, _context: ResolverContext, _args: Args) -> object:
    return source.size_mb


@field_resolver("VolumeInstance", "currentSizeMB")
def _resolve_current_size_mb(source: VolumeInstance, _context: ResolverContext, _args: Args) -> object:
    return source.current_size_mb
