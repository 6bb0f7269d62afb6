"""How an operation is told over HTTP: the answer of the endpoint that asked for it, and its own page."""

from datetime import datetime

from fastapi.responses import JSONResponse

from ..db.operations import Operation, Step
from ..lifecycle.progress import begun, outcome
from ..moments import iso

__all__ = ["answer", "page"]

_RETRY_AFTER = "2"
"""Seconds."""


def answer(operation: Operation) -> JSONResponse:
    """200 with the result, 202 while it still runs. Raises OperationFailed (500) with what is left."""
    result = outcome(operation)
    if result is None:
        return JSONResponse(
            begun(operation), 202, {"Location": f"/operations/{operation.id}", "Retry-After": _RETRY_AFTER}
        )
    return JSONResponse(result)


def page(operation: Operation, steps: list[Step]) -> dict[str, object]:
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
                "startedAt": _iso(step.started_at),
                "endedAt": _iso(step.ended_at),
                **({"error": step.error} if step.error else {}),
            }
            for step in steps
        ],
        "createdAt": _iso(operation.created_at),
        "updatedAt": _iso(operation.updated_at),
    }
    if operation.result is not None:
        body["result"] = operation.result
    if operation.error is not None:
        body["error"] = operation.error
    return body


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
