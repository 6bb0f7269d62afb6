"""Undoing a create or provision that failed, and the steps of destroying an instance: walks over the journal."""

from ..db import connection, journal, operations
from ..errors import PointsmanError, ProviderUnavailable
from . import removal, tools
from .steps import cause, operation_of, unwanted

__all__ = ["destroy_service", "destroy_tool", "destroy_volumes", "undo"]

Result = dict[str, object]
run = connection.run


def undo(operation_id: str) -> Result:
    """Delete all that this create or provision has made or may have made, then end it as `failed`.

    Raises the failure of a deletion that may still succeed, so that the state machine calls again.
    """
    operation = run(lambda db: operations.refuse_new_work(db, operation_id))
    if operation is None:
        return {"undone": False}
    entries = run(lambda db: unwanted(db, operation))
    if failures := removal.remove_all(operation_id, entries):
        raise _worst(failures)
    error = run(lambda db: cause(db, operation_id))
    run(lambda db: operations.finish(db, operation_id, "failed", by_step="undo", error=error))
    return {"undone": True}


def destroy_tool(operation_id: str, tool_id: str) -> Result:
    """Delete one tool's resource: of an instance that is being destroyed, or alone."""
    operation = operation_of(operation_id)
    if operation.kind == "destroy_tool":
        return tools.destroy_resource(operation)
    return _destroy(operation_id, "tool", tool_id)


def destroy_volumes(operation_id: str) -> Result:
    """Delete the volumes, while the service still tells which they are."""
    operation = operation_of(operation_id)
    for entry in run(lambda db: journal.open_entries(db, operation.instance_id)):
        if entry.kind == "service" and entry.resource_id:
            removal.remove_volumes(entry.resource_id)
    return _destroy(operation_id, "volume", "railway")


def destroy_service(operation_id: str) -> Result:
    """Delete the service, and its domain with it."""
    _destroy(operation_id, "service", "railway")
    return _destroy(operation_id, "domain", "railway")


def _destroy(operation_id: str, kind: str, provider: str) -> Result:
    operation = operation_of(operation_id)
    entries = run(lambda db: journal.open_entries(db, operation.instance_id))
    if failures := removal.remove_all(operation_id, [e for e in entries if (e.kind, e.provider) == (kind, provider)]):
        raise _worst(failures)
    return {"destroyed": True}


def _worst(failures: list[PointsmanError]) -> PointsmanError:
    """What a step reports of several failures: one that may pass, so that all are tried again."""
    message = "; ".join(failure.message for failure in failures)
    return ProviderUnavailable("undo", "delete", message) if len(failures) > 1 else failures[0]
