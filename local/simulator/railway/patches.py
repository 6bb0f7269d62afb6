"""Mutations of variables and environment patches; a patch changes many settings in one commit and then deploys."""

from collections.abc import Mapping

from local.simulator.http.messages import Obj, as_obj, as_str
from local.simulator.railway.context import Args, ResolverContext, root_resolver
from local.simulator.railway.deployments import create_deployment
from local.simulator.railway.errors import BusinessError
from local.simulator.railway.services import as_number, set_source, stringify_values
from local.simulator.state.railway import Environment, EnvironmentPatch, ServiceInstance, new_id

# The known keys of an environment's configuration, nested; None allows any value, `*` any key.
_DEPLOY_SHAPE: Mapping[str, object] = dict.fromkeys((
    "startCommand", "preDeployCommand", "healthcheckPath", "healthcheckTimeout", "numReplicas", "region",
    "multiRegionConfig", "restartPolicyType", "restartPolicyMaxRetries", "sleepApplication", "cronSchedule",
    "drainingSeconds", "overlapSeconds", "registryCredentials",
)) | {"limitOverride": {"containers": {"cpu": None, "memoryBytes": None}}}  # fmt: skip
_SERVICE_SHAPE: Mapping[str, object] = {
    "source": {"image": None, "repo": None, "branch": None, "rootDirectory": None},
    "deploy": _DEPLOY_SHAPE,
    "build": {"buildCommand": None, "builder": None, "dockerfilePath": None, "watchPatterns": None},
    "variables": {"*": {"value": None}},
}
CONFIG_SHAPE: Mapping[str, object] = {"services": {"*": _SERVICE_SHAPE}, "sharedVariables": {"*": {"value": None}}}


def find_config_error(value: object, shape: object = CONFIG_SHAPE, path: str = "patch") -> str | None:
    """Find the first unknown key, or value that is not an object, in an environment's configuration.

    Args:
        value: The configuration, or the part of it at `path`.
        shape: The known keys of `value`, nested; None allows any value, the key `*` any key.
        path: Dotted path to `value`, for the message.

    Returns:
        The message of the error, or None for a valid configuration.
    """
    if shape is None or value is None:
        return None
    if not isinstance(value, dict):
        return f"{path} must be an object"
    parts: Mapping[str, object] = as_obj(shape)
    for name, part in as_obj(value).items():  # pyright: ignore[reportUnknownArgumentType]
        if name not in parts and "*" not in parts:
            return f"{path}.{name} is not known"
        error = find_config_error(part, parts.get(name, parts.get("*")), f"{path}.{name}")
        if error is not None:
            return error
    return None


@root_resolver("Mutation", "variableCollectionUpsert")
def variable_collection_upsert(context: ResolverContext, args: Args) -> object:
    """Set variables of a service, or shared ones without `serviceId`; deploys unless `skipDeploys` is set."""
    body, state = as_obj(args["input"]), context.state
    environment = context.get_environment(str(body["environmentId"]), str(body["projectId"]))
    service_id = as_str(body.get("serviceId"))
    instance = context.get_instance(service_id, environment.id) if service_id is not None else None
    variables = environment.shared_variables if instance is None else instance.variables
    if body.get("replace"):
        variables.clear()
    variables |= stringify_values(as_obj(body["variables"]))
    if body.get("skipDeploys"):
        return True
    found = [instance] if instance else [i for i in state.instances.values() if i.environment_id == environment.id]
    for one in found:
        is_deployable = (one.image or one.repo) if one is instance else one.deployment_ids
        if one.deleted_at is None and is_deployable:
            create_deployment(state, context.settings, one, context.now, "variableCollectionUpsert")
    return True


@root_resolver("Mutation", "environmentStageChanges")
def environment_stage_changes(context: ResolverContext, args: Args) -> object:
    """Stage a change without applying it; an environment has one staged patch, which `merge` extends."""
    environment = context.get_environment(args["environmentId"])
    staged = _find_staged_patch(context, environment)
    change = as_obj(args["input"])
    if staged is None:
        staged = _add_patch(context, environment, change, None, "STAGED")
    else:
        staged.patch = _deep_merge(staged.patch, change) if args.get("merge") else change
    return staged


@root_resolver("Mutation", "environmentPatchCommit")
def environment_patch_commit(context: ResolverContext, args: Args) -> object:
    """Apply a patch and deploy the services that it changes.

    The whole patch is validated first, so an invalid one changes nothing and deploys nothing.

    Raises:
        BusinessError: An instance does not exist, or a variable's value is not a string.
    """
    environment = context.get_environment(args["environmentId"])
    change = as_obj(args.get("patch"))
    _validate_change(context, environment, change)
    patch = _add_patch(context, environment, change, args.get("commitMessage"), "COMMITTED")
    _apply_patch(context, environment, patch, should_deploy=True)
    return patch.id


@root_resolver("Mutation", "environmentPatchCommitStaged")
def environment_patch_commit_staged(context: ResolverContext, args: Args) -> object:
    """Apply the staged patch; deploys unless `skipDeploys` is set.

    Raises:
        BusinessError: Nothing is staged, or the patch is invalid.
    """
    environment = context.get_environment(args["environmentId"])
    staged = _find_staged_patch(context, environment)
    if staged is None:
        raise BusinessError("No patch to apply")
    _validate_change(context, environment, staged.patch)
    staged.status, staged.message = "COMMITTED", args.get("commitMessage")
    _apply_patch(context, environment, staged, should_deploy=not args.get("skipDeploys"))
    return staged.id


def _find_staged_patch(context: ResolverContext, environment: Environment) -> EnvironmentPatch | None:
    found = [p for p in context.state.patches.values() if p.environment_id == environment.id and p.status == "STAGED"]
    return found[0] if found else None


def _add_patch(
    context: ResolverContext, environment: Environment, change: Obj, message: str | None, status: str
) -> EnvironmentPatch:
    patch = EnvironmentPatch(new_id(), environment.id, status, change, context.now, message)
    context.state.patches[patch.id] = patch
    return patch


def _deep_merge(base: Obj, change: Obj) -> Obj:
    result = dict(base)
    for name, value in change.items():
        current = result.get(name)
        both = isinstance(current, dict) and isinstance(value, dict)
        result[name] = _deep_merge(as_obj(current), as_obj(value)) if both else value  # pyright: ignore[reportUnknownArgumentType]
    return result


def _validate_change(context: ResolverContext, environment: Environment, change: Obj) -> None:
    for service_id, part in as_obj(change.get("services")).items():
        context.get_instance(service_id, environment.id)
        for name, value in as_obj(as_obj(part).get("variables")).items():
            if value is not None and not isinstance(as_obj(value).get("value"), str):
                raise BusinessError(f"Invalid value of variable {name}", "BAD_USER_INPUT")


def _apply_patch(
    context: ResolverContext, environment: Environment, patch: EnvironmentPatch, should_deploy: bool
) -> None:
    for name, value in as_obj(patch.patch.get("sharedVariables")).items():
        _set_variable(environment.shared_variables, name, value)
    for service_id, part in as_obj(patch.patch.get("services")).items():
        instance = context.get_instance(service_id, environment.id)
        _apply_service(instance, as_obj(part))
        instance.updated_at = context.now
        if should_deploy and (instance.image or instance.repo):
            create_deployment(context.state, context.settings, instance, context.now, "environmentPatchCommit")
    patch.applied_at = context.now


def _set_variable(variables: dict[str, str], name: str, value: object) -> None:
    if value is None:
        variables.pop(name, None)
    else:
        variables[name] = str(as_obj(value)["value"])


def _apply_service(instance: ServiceInstance, part: Obj) -> None:
    set_source(instance, as_obj(part.get("source")))
    deploy_part = as_obj(part.get("deploy"))
    containers = as_obj(as_obj(deploy_part.get("limitOverride")).get("containers"))
    cpu, memory = as_number(containers.get("cpu")), as_number(containers.get("memoryBytes"))
    instance.cpu = cpu if cpu is not None else instance.cpu
    instance.memory_bytes = int(memory) if memory is not None else instance.memory_bytes
    instance.settings |= {name: value for name, value in deploy_part.items() if name != "limitOverride"}
    instance.settings |= as_obj(part.get("build"))
    for name, value in as_obj(part.get("variables")).items():
        _set_variable(instance.variables, name, value)
