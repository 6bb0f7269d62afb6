"""The Railway steps of a create: service, volume, domain, deploy, record.

A step may be interrupted at any line and run again.
"""

from functools import partial
from os import urandom
from typing import Any

from ..db import instances, journal, operations
from ..db.connection import Connection, run_in_transaction
from ..errors import OperationFailed, ProviderError, ProviderRejected
from ..providers import railway
from ..providers.base import Plan, ProviderResource
from ..settings.instances import InstanceRuntimeSettings
from ..settings.providers import RailwaySettings
from . import tool_steps
from .operation_queries import BEST_EFFORT_STEPS, find_recordable, require_operation
from .resource_creation import ensure_resource
from .resource_lookup import find_created_services
from .resource_names import MOUNT_PATH

__all__ = ["attach_volume", "create_domain", "create_service", "deploy_instance", "record_instance"]

START_COMMAND = "node scripts/pool-server.js"
VCPUS = 4.0
MEMORY_BYTES = 8 * 1024**3


def create_service(operation_id: str) -> dict[str, object]:
    """Create the Railway service without a source, so that nothing deploys yet."""
    name = str(require_operation(operation_id).request["name"])
    service_id = ensure_resource(
        operation_id,
        "railway",
        "service",
        plan=lambda: {"name": name},
        find=find_created_services,
        create=lambda _plan: ProviderResource(railway.get_client().create_service(name), name),
        settle="after_rejection",
    )
    return {"serviceId": service_id}


def attach_volume(operation_id: str) -> dict[str, object]:
    """Create a volume attached to the service. It must precede the first deployment, or the agent loses its state."""
    service_id = _require_service_id(operation_id)
    client = railway.get_client()
    volume_id = ensure_resource(
        operation_id,
        "railway",
        "volume",
        plan=lambda: {"service_id": service_id, "mount_path": MOUNT_PATH},
        find=lambda _entry: [ProviderResource(volume.id, "") for volume in client.find_volumes(service_id)],
        create=lambda _plan: ProviderResource(client.create_volume(service_id, MOUNT_PATH), ""),
        settle="before_create",
    )
    return {"volumeId": volume_id}


def create_domain(operation_id: str) -> dict[str, object]:
    """Create the service's public domain."""
    service_id = _require_service_id(operation_id)
    client = railway.get_client()

    def find_domain(_entry: journal.Entry) -> list[ProviderResource]:
        domain = client.find_domain(service_id)
        return [ProviderResource(domain, domain)] if domain else []

    def create_domain(_plan: Plan) -> ProviderResource:
        domain = client.create_domain(service_id)
        return ProviderResource(domain, domain)

    domain = ensure_resource(
        operation_id,
        "railway",
        "domain",
        plan=lambda: {"service_id": service_id},
        find=find_domain,
        create=create_domain,
        settle="never",
    )
    return {"domain": domain}


def deploy_instance(operation_id: str) -> dict[str, object]:
    """Configure the service and deploy it in one call, after all parallel steps.

    Without the resource limits if Railway rejects them; that is a warning.

    Raises:
        OperationFailed: another step failed or was interrupted.
        ProviderError: Railway did not deploy the service, or may not have.
    """
    _require_steps_succeeded(operation_id)
    service_id = _require_service_id(operation_id)
    provider = railway.get_client()
    settings = RailwaySettings.load()
    if not _is_deployed(service_id):
        deploy = partial(
            provider.deploy,
            service_id,
            image=settings.runtime_image,
            start_command=START_COMMAND,
            variables=_build_variables(operation_id),
            message="Deploy by Pointsman",
        )
        try:
            deploy(vcpus=VCPUS, memory_bytes=MEMORY_BYTES)
        except ProviderRejected as error:
            if error.reason not in ("invalid", "limit", "other"):
                raise
            deploy(vcpus=None, memory_bytes=None)
            return {"serviceId": service_id, "warning": f"limits were not set: {error.message}"}
    return {"serviceId": service_id}


def _is_deployed(service_id: str) -> bool:
    """Return whether an earlier attempt deployed the service. A service that is not visible yet has no deployment."""
    try:
        return railway.get_client().get_latest_deployment(service_id) is not None
    except ProviderRejected as error:
        if error.reason != "not_found":
            raise
        return False


def _read_deploy_status(service_id: str) -> str | None:
    """Read the deployment's status; None if that fails, because a complete instance needs no compensation for it."""
    try:
        deployment = railway.get_client().get_latest_deployment(service_id)
    except ProviderError:
        return None
    return deployment.status if deployment else None


def _require_steps_succeeded(operation_id: str) -> None:
    operation = require_operation(operation_id)
    steps = {step.name: step for step in run_in_transaction(operations.list_steps, operation_id)}
    for name in (*operation.request["tools"], "service", *BEST_EFFORT_STEPS):
        step = steps.get(name)
        if step is not None and (step.status in ("succeeded", "skipped") or _is_tolerated(step)):
            continue
        raise OperationFailed(f"Step {name} failed: {(step and step.error) or 'it was cut off'}")


def _is_tolerated(step: operations.OperationStep) -> bool:
    return step.name in BEST_EFFORT_STEPS and step.status == "failed"


def _build_variables(operation_id: str) -> dict[str, str]:
    """Build the runtime's variables (contract, create-instance). Its new secrets are sent to Railway and not stored."""
    variables = {
        "OPENCLAW_GATEWAY_TOKEN": urandom(32).hex(),
        "SETUP_PASSWORD": urandom(16).hex(),
        "PRIVATE_WALLET_KEY": "0x" + urandom(32).hex(),
        "OPENCLAW_STATE_DIR": "/app",
        "CHROMIUM_PATH": "/usr/bin/chromium",
        **InstanceRuntimeSettings.load().variables,
    }
    for entry in _list_tool_entries(operation_id):
        variables |= entry.env or {}
    return variables


def record_instance(operation_id: str) -> dict[str, object]:
    """Record the instance and its tools, and end the operation as `succeeded`, in one transaction.

    Raises:
        OperationFailed: there is no service.
        Conflict: the operation has ended or is being compensated.
    """
    provider = railway.get_client()
    service_id = _require_service_id(operation_id)
    deploy_status = _read_deploy_status(service_id)
    settings = RailwaySettings.load()
    environment_id = provider.environment_id

    def record_in_transaction(db: Connection) -> dict[str, object]:
        operation = find_recordable(db, operation_id)
        if operation is None:
            return {"recorded": True}
        entries = {tool: journal.get(db, operation_id, tool, "tool") for tool in operation.request["tools"]}
        created = {tool: entry for tool, entry in entries.items() if entry and entry.state == "created"}
        volume_id = _get_created_id(db, operation_id, "volume")
        domain = _get_created_id(db, operation_id, "domain")
        url = f"https://{domain}" if domain else None
        infra = {
            "instance_id": operation.instance_id,
            "provider_service_id": service_id,
            "provider_env_id": environment_id,
            "provider_project_id": settings.project_id,
            "url": url,
            "deploy_status": deploy_status,
            "runtime_image": settings.runtime_image,
            "volume_id": volume_id,
        }
        instances.insert(db, infra, [tool_steps.build_tool_row(tool, entry) for tool, entry in created.items()])
        journal.clear_env(db, operation_id)
        result: dict[str, Any] = {
            "instanceId": operation.instance_id,
            "serviceId": service_id,
            "url": url,
            "services": {tool: {"resourceId": entry.resource_id} for tool, entry in created.items()},
        }
        if warnings := _collect_warnings(db, operation_id):
            result["warnings"] = warnings
        operations.finish(db, operation_id, "succeeded", final_step="record", result=result)
        return {"recorded": True}

    return run_in_transaction(record_in_transaction)


def _get_created_id(db: Connection, operation_id: str, kind: journal.ResourceKind) -> str | None:
    entry = journal.get(db, operation_id, "railway", kind)
    return entry.resource_id if entry and entry.state == "created" else None


def _collect_warnings(db: Connection, operation_id: str) -> list[str]:
    return [f"{step.name}: {step.error}" for step in operations.list_steps(db, operation_id) if step.error]


def _require_service_id(operation_id: str) -> str:
    entry = run_in_transaction(journal.get, operation_id, "railway", "service")
    if entry is None or entry.resource_id is None:
        raise OperationFailed("There is no service yet")
    return entry.resource_id


def _list_tool_entries(operation_id: str) -> list[journal.Entry]:
    instance_id = require_operation(operation_id).instance_id
    entries = run_in_transaction(journal.list_open_entries, instance_id)
    return [entry for entry in entries if entry.operation_id == operation_id and entry.kind == "tool"]
