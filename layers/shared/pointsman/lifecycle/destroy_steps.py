"""The steps of `destroy` and `destroy_tool`: each deletes what the open journal entries of one kind name.

A deletion that its answer does not confirm is confirmed beside the next step: its entry stays open until then. A step
may be interrupted at any line and run again.
"""

from functools import partial

from ..concurrent_calls import call_all
from ..db import instances, journal, operations
from ..db.connection import Connection, run_in_transaction
from ..db.step_attempts import StepAttempt
from ..errors import OperationFailed, PointsmanError
from ..providers import railway
from ..providers.base import delete_resource
from . import finalization, resource_deletion
from .resource_deletion import merge_failures
from .resource_lookup import delete_until_proven

__all__ = ["destroy_service", "destroy_tool", "destroy_volumes"]


def destroy_tool(attempt: StepAttempt, tool_id: str) -> dict[str, object]:
    """Delete a tool's resource: the one that a `destroy_tool` names, or those of an instance that is being destroyed.

    The deletion of an instance's resource may still have to be confirmed, which `destroy_service` does.

    Raises:
        PointsmanError: the deletion failed; the entry stays open, and the tool's row stays.
    """
    if attempt.operation.kind == "destroy_tool":
        return _destroy_requested_resource(attempt, tool_id)
    entries = attempt.find_entries(tool_id, "tool")
    for entry in entries:
        if entry.state == "created" and entry.resource_id:
            provider = resource_deletion.require_tool_provider(entry)
            if not provider.start_deletion(entry.resource_id, entry.meta).is_confirmed:
                continue
        else:
            resource_deletion.delete_tool_resource(entry)
        attempt.write_at_end(journal.record_deleted, entry, attempt.operation.id)
    return {"destroyed": True}


def destroy_volumes(attempt: StepAttempt) -> dict[str, object]:
    """Delete the instance's volumes, also those that the journal does not name.

    Volumes before their service: Railway keeps the volumes of a deleted service, and lists them by service only.

    Raises:
        ProviderError: a deletion failed; the volume's entry stays open.
    """
    client, entries = railway.get_client(), attempt.find_entries("railway", "volume")
    created = {entry.resource_id: entry for entry in entries if entry.state == "created" and entry.resource_id}
    service_ids = {entry.resource_id for entry in attempt.find_entries("railway", "service") if entry.resource_id}

    def delete_unknown_volumes(service_id: str) -> None:
        for volume in client.find_volumes(service_id):
            if volume.id not in created:
                client.delete_volume(volume.id)

    outcomes = call_all(
        [
            *(
                partial(delete_until_proven, entry, partial(client.delete_volume, volume_id))
                for volume_id, entry in created.items()
            ),
            *(partial(delete_unknown_volumes, service_id) for service_id in service_ids),
        ]
    )
    if failures := [outcome for outcome in outcomes if isinstance(outcome, PointsmanError)]:
        raise merge_failures(failures, step="destroy")
    for entry in entries:
        if entry.resource_id not in created:
            resource_deletion.delete_entry(attempt.operation.id, entry)
        else:
            attempt.write_at_end(journal.record_deleted, entry, attempt.operation.id)
    return {"destroyed": True}


def destroy_service(attempt: StepAttempt) -> dict[str, object]:
    """Delete the instance's service, meanwhile confirm the tools' deletions, and end the operation.

    Railway deletes the service's domain with it. The rows are deleted, and the operation ends, in the transaction that
    ends the attempt. After a failure `finalization.close_operation` ends it.

    Raises:
        OperationFailed: the volumes could not be deleted, so the service is kept.
        PointsmanError: a deletion failed, or could not be confirmed; the entry stays open.
    """
    operation, steps = attempt.operation, {step.name: step.status for step in attempt.steps}
    if operation.status != "running":
        return {"destroyed": True}
    services = attempt.find_entries("railway", "service")
    tools = [entry for entry in attempt.entries if entry.kind == "tool" and steps.get(entry.provider) == "succeeded"]

    def delete_services() -> None:
        if steps.get("volumes") != "succeeded":
            raise OperationFailed("The service is kept, because its volumes could not be deleted")
        for entry in services:
            resource_deletion.delete_service(entry)

    service_outcome, *tool_outcomes = call_all(
        [delete_services, *(partial(_confirm_deletion, entry, is_first=attempt.is_first) for entry in tools)]
    )
    deleted = [entry for entry, outcome in zip(tools, tool_outcomes, strict=True) if outcome is None]
    if service_outcome is None:
        deleted += [*services, *attempt.find_entries("railway", "domain")]

    def close_entries(db: Connection) -> None:
        for entry in deleted:
            journal.record_deleted(db, entry, operation.id)

    if failures := [outcome for outcome in (service_outcome, *tool_outcomes) if outcome is not None]:
        run_in_transaction(close_entries)
        raise merge_failures(failures, step="destroy")
    attempt.write_at_end(close_entries)
    attempt.write_at_end(finalization.end_operation, operation.id, final_step=attempt.name)
    return {"destroyed": True}


def _confirm_deletion(entry: journal.Entry, *, is_first: bool) -> None:
    """Confirm the deletion that `destroy_tool` began; in a later attempt delete again, for it was not confirmed."""
    provider = resource_deletion.require_tool_provider(entry)
    assert entry.resource_id is not None
    if is_first:
        provider.confirm_deletion(entry.resource_id)
    else:
        delete_resource(provider, entry.resource_id, entry.meta)


def _destroy_requested_resource(attempt: StepAttempt, tool_id: str) -> dict[str, object]:
    """Delete the resource that the operation names, and its row, and end the operation."""
    operation, resource_id = attempt.operation, str(attempt.operation.request["resourceId"])
    matching = [entry for entry in attempt.find_entries(tool_id, "tool") if entry.resource_id == resource_id]
    existed = [resource_deletion.delete_tool_resource(entry) for entry in matching]
    deleted = bool(operation.request["known"]) or any(existed)
    result = {"toolId": tool_id, "resourceId": resource_id, "deleted": deleted}

    def record_deletion(db: Connection) -> None:
        for entry in matching:
            journal.record_deleted(db, entry, operation.id)
        instances.delete_tool(db, operation.instance_id, tool_id, resource_id)
        operations.finish(db, operation.id, "succeeded", final_step=tool_id, result=result)

    attempt.write_at_end(record_deletion)
    return {"destroyed": True}
