"""The Railway steps of a create: service, volume, domain, deploy.

A step may be interrupted at any line and run again.
"""

from collections.abc import Callable, Sequence
from functools import partial
from os import urandom
from typing import Any

from ..concurrent_calls import call_all
from ..db import instances, journal, operations
from ..db.connection import Connection
from ..db.step_attempts import Intent, StepAttempt
from ..errors import OperationFailed, PointsmanError, ProviderRejected
from ..providers import railway
from ..providers.base import Plan, ProviderResource
from ..settings.instances import InstanceRuntimeSettings
from ..settings.providers import RailwaySettings
from . import tool_steps
from .operation_queries import BEST_EFFORT_STEPS, find_recordable, is_recordable
from .resource_creation import ensure_resource
from .resource_lookup import find_created_services
from .resource_names import MOUNT_PATH, explain_unlisted_name

__all__ = [
    "attach_volume",
    "create_domain",
    "create_service",
    "deploy_instance",
    "plan_domain",
    "plan_service",
    "plan_volume",
]

START_COMMAND = "node scripts/pool-server.js"
VCPUS = 4.0
MEMORY_BYTES = 8 * 1024**3


def plan_service(attempt: StepAttempt) -> Intent | None:
    """Plan the service of a first attempt."""
    if attempt.find_entry("railway", "service"):
        return None
    return Intent("railway", "service", {"name": str(attempt.operation.request["name"])})


def create_service(attempt: StepAttempt) -> dict[str, object]:
    """Create the Railway service without a source, so that nothing deploys yet."""
    name = str(attempt.operation.request["name"])
    service_id = ensure_resource(
        attempt,
        "railway",
        "service",
        plan=lambda: {"name": name},
        find=find_created_services,
        create=lambda _plan: ProviderResource(railway.get_client().create_service(name), name),
        settle="after_rejection",
    )
    return {"serviceId": service_id}


def plan_volume(attempt: StepAttempt) -> Intent | None:
    """Plan the volume of a first attempt."""
    service_id = _get_created_id(attempt, "service")
    if service_id is None or attempt.find_entry("railway", "volume"):
        return None
    return Intent("railway", "volume", {"service_id": service_id, "mount_path": MOUNT_PATH})


def attach_volume(attempt: StepAttempt) -> dict[str, object]:
    """Create a volume attached to the service. It must precede the first deployment, or the agent loses its state."""
    service_id = _require_service_id(attempt)
    client = railway.get_client()
    volume_id = ensure_resource(
        attempt,
        "railway",
        "volume",
        plan=lambda: {"service_id": service_id, "mount_path": MOUNT_PATH},
        find=lambda _entry: [ProviderResource(volume.id, "") for volume in client.find_volumes(service_id)],
        create=lambda _plan: ProviderResource(client.create_volume(service_id, MOUNT_PATH), ""),
        settle="before_create",
    )
    return {"volumeId": volume_id}


def plan_domain(attempt: StepAttempt) -> Intent | None:
    """Plan the domain of a first attempt."""
    service_id = _get_created_id(attempt, "service")
    if service_id is None or attempt.find_entry("railway", "domain"):
        return None
    return Intent("railway", "domain", {"service_id": service_id})


def create_domain(attempt: StepAttempt) -> dict[str, object]:
    """Create the service's public domain."""
    service_id = _require_service_id(attempt)
    client = railway.get_client()

    def find_domain(_entry: journal.Entry) -> list[ProviderResource]:
        domain = client.find_domain(service_id)
        return [ProviderResource(domain, domain)] if domain else []

    def create_domain(_plan: Plan) -> ProviderResource:
        domain = client.create_domain(service_id)
        return ProviderResource(domain, domain)

    domain = ensure_resource(
        attempt,
        "railway",
        "domain",
        plan=lambda: {"service_id": service_id},
        find=find_domain,
        create=create_domain,
        settle="never",
    )
    return {"domain": domain}


def deploy_instance(attempt: StepAttempt) -> dict[str, object]:
    """Configure and deploy the service in one call, after all parallel steps; then record the instance.

    The instance and its tools are recorded, and the operation ends as `succeeded`, in the transaction that ends the
    attempt.

    Without the resource limits if Railway rejects them; that is a warning.

    Raises:
        OperationFailed: another step failed or was interrupted.
        ProviderError: Railway did not deploy the service, or may not have.
        Conflict: the operation has ended otherwise or is being compensated.
    """
    if not is_recordable(attempt.operation):
        return {"recorded": True}
    _require_steps_succeeded(attempt)
    service_id = _require_service_id(attempt)
    tool_entries = [entry for entry in attempt.entries if entry.kind == "tool" and attempt.owns(entry)]
    # What completes a tool's resource does not matter to the deployment, so it is called meanwhile.
    calls: list[Callable[[], str | journal.Entry | None]] = [partial(_deploy, attempt, service_id, tool_entries)]
    calls += [partial(tool_steps.complete_resource, entry) for entry in tool_entries]
    warning, *completed = call_all(calls)
    if isinstance(warning, PointsmanError):
        raise warning
    completed_entries = [entry for entry in completed if isinstance(entry, journal.Entry)]
    attempt.write_at_end(_record_instance, attempt, service_id, completed_entries)
    return {"serviceId": service_id, **({"warning": warning} if warning else {})}


def _deploy(attempt: StepAttempt, service_id: str, tool_entries: Sequence[journal.Entry]) -> str:
    """Deploy the service, unless an earlier attempt has; return a warning, empty if there is none."""
    if not attempt.is_first and _is_deployed(service_id):
        return ""
    deploy = partial(
        railway.get_client().deploy,
        service_id,
        image=RailwaySettings.load().runtime_image,
        start_command=START_COMMAND,
        variables=_build_variables(tool_entries),
        message="Deploy by Pointsman",
    )
    try:
        deploy(vcpus=VCPUS, memory_bytes=MEMORY_BYTES)
    except ProviderRejected as error:
        if error.reason not in ("invalid", "limit", "other"):
            raise
        deploy(vcpus=None, memory_bytes=None)
        return f"limits were not set: {error.message}"
    return ""


def _is_deployed(service_id: str) -> bool:
    """Return whether an earlier attempt deployed the service. A service that is not visible yet has no deployment."""
    try:
        return railway.get_client().get_latest_deployment(service_id) is not None
    except ProviderRejected as error:
        if error.reason != "not_found":
            raise
        return False


def _require_steps_succeeded(attempt: StepAttempt) -> None:
    steps = {step.name: step for step in attempt.steps}
    for name in (*attempt.operation.request["tools"], "service", *BEST_EFFORT_STEPS):
        step = steps.get(name)
        if step is not None and (step.status in ("succeeded", "skipped") or _is_tolerated(step)):
            continue
        raise OperationFailed(f"Step {name} failed: {(step and step.error) or 'it was cut off'}")


def _is_tolerated(step: operations.OperationStep) -> bool:
    return step.name in BEST_EFFORT_STEPS and step.status == "failed"


def _build_variables(tool_entries: Sequence[journal.Entry]) -> dict[str, str]:
    """Build the runtime's variables (contract, create-instance). Its new secrets are sent to Railway and not stored."""
    variables = {
        "OPENCLAW_GATEWAY_TOKEN": urandom(32).hex(),
        "SETUP_PASSWORD": urandom(16).hex(),
        "PRIVATE_WALLET_KEY": "0x" + urandom(32).hex(),
        "OPENCLAW_STATE_DIR": "/app",
        "CHROMIUM_PATH": "/usr/bin/chromium",
        **InstanceRuntimeSettings.load().variables,
    }
    for entry in tool_entries:
        variables |= entry.env or {}
    return variables


def _record_instance(
    db: Connection, attempt: StepAttempt, service_id: str, completed_entries: Sequence[journal.Entry]
) -> None:
    """Record the instance and its tools, and end the operation as `succeeded`.

    Raises:
        Conflict: the operation has ended or is being compensated.
    """
    operation = find_recordable(db, attempt.operation.id)
    if operation is None:
        return
    for entry in completed_entries:
        journal.record_meta(db, entry)
    own_entries = {entry.provider: entry for entry in attempt.entries if attempt.owns(entry) and entry.kind == "tool"}
    own_entries |= {entry.provider: entry for entry in completed_entries}
    tools = {tool: own_entries[tool] for tool in operation.request["tools"] if tool in own_entries}
    settings = RailwaySettings.load()
    volume_id, domain = _get_created_id(attempt, "volume"), _get_created_id(attempt, "domain")
    url = f"https://{domain}" if domain else None
    infra = {
        "instance_id": operation.instance_id,
        "provider_service_id": service_id,
        "provider_env_id": railway.get_client().environment_id,
        "provider_project_id": settings.project_id,
        "url": url,
        "deploy_status": railway.FIRST_DEPLOYMENT_STATUS,
        "runtime_image": settings.runtime_image,
        "volume_id": volume_id,
    }
    instances.insert(db, infra, [tool_steps.build_tool_row(tool, entry) for tool, entry in tools.items()])
    journal.clear_env(db, operation.id)
    result: dict[str, Any] = {
        "instanceId": operation.instance_id,
        "serviceId": service_id,
        "url": url,
        "services": {tool: {"resourceId": entry.resource_id} for tool, entry in tools.items()},
    }
    warnings = [f"{step.name}: {step.error}" for step in operations.list_steps(db, operation.id) if step.error]
    if warning := explain_unlisted_name(operation.instance_id, str(operation.request["name"])):
        warnings.append(warning)
    if warnings:
        result["warnings"] = warnings
    operations.finish(db, operation.id, "succeeded", final_step=attempt.name, result=result)


def _get_created_id(attempt: StepAttempt, kind: journal.ResourceKind) -> str | None:
    entry = attempt.find_entry("railway", kind)
    return entry.resource_id if entry and entry.state == "created" else None


def _require_service_id(attempt: StepAttempt) -> str:
    service_id = _get_created_id(attempt, "service")
    if service_id is None:
        raise OperationFailed("There is no service yet")
    return service_id
