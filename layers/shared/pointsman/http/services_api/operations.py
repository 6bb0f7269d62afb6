"""How an operation is told over HTTP: the answer of the endpoint that asked for it, and its own page."""

from datetime import datetime

from fastapi.responses import JSONResponse

from ...db.operations import Operation, OperationStep
from ...lifecycle.operation_results import describe_running, get_result
from ...timestamps import format_timestamp

__all__ = ["operation_response", "serialize_operation"]

_RETRY_AFTER_SECONDS = "2"
"""Seconds."""


def operation_response(operation: Operation) -> JSONResponse:
    """200 with the result, 202 while it still runs. Raises OperationFailed (500) with what is left."""
    result = get_result(operation)
    if result is None:
        return JSONResponse(
            describe_running(operation),
            202,
            {"Location": f"/operations/{operation.id}", "Retry-After": _RETRY_AFTER_SECONDS},
        )
    return JSONResponse(result)


def serialize_operation(operation: Operation, steps: list[OperationStep]) -> dict[str, object]:
    """The body of `GET /operations/{operationId}`."""
    body: dict[str, object] = {
        "operationId": operation.id,
        "instanceId": operation.instance_id,
        "kind": operation.kind,
        "status": operation.status,
        "steps": [
            {
                "name": step.name,
                "status": step.status,
                "startedAt": _format_timestamp(step.started_at),
                "endedAt": _format_timestamp(step.ended_at),
                **({"error": step.error} if step.error else {}),
            }
            for step in steps
        ],
        "createdAt": _format_timestamp(operation.created_at),
        "updatedAt": _format_timestamp(operation.updated_at),
    }
    if operation.result is not None:
        body["result"] = operation.result
    if operation.error is not None:
        body["error"] = operation.error
    return body


def _format_timestamp(timestamp: datetime | None) -> str | None:
    return None if timestamp is None else format_timestamp(timestamp)
