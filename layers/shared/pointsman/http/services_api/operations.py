"""Responses about operations: of the endpoint that started one, and an operation's page."""

from fastapi.responses import JSONResponse

from ...db.operations import Operation
from ...lifecycle.operation_results import OperationDetails, describe_running, get_operation_details, get_result
from ...timestamps import format_optional_timestamp, format_timestamp

__all__ = ["operation_page_response", "operation_response"]

_RETRY_AFTER_SECONDS = "2"


def operation_response(operation: Operation) -> JSONResponse:
    """Make the response of an endpoint that started an operation: 200 with its result, or 202 while it runs.

    Raises:
        OperationFailed: it failed; the error's details are its id and the resources that are left.
    """
    result = get_result(operation)
    if result is None:
        headers = {"Location": f"/operations/{operation.id}", "Retry-After": _RETRY_AFTER_SECONDS}
        return JSONResponse(describe_running(operation), 202, headers)
    return JSONResponse(result)


def operation_page_response(operation_id: str, *, with_resources: bool = False) -> JSONResponse:
    """Make the response of `GET /operations/{operationId}`: the operation with its steps and, if requested, resources.

    Raises:
        NotFound: there is no such operation.
    """
    return JSONResponse(_serialize_page(get_operation_details(operation_id, with_resources=with_resources)))


def _serialize_page(details: OperationDetails) -> dict[str, object]:
    operation = details.operation
    page: dict[str, object] = {
        "operationId": operation.id,
        "instanceId": operation.instance_id,
        "kind": operation.kind,
        "status": operation.status,
        "steps": [
            {
                "name": step.name,
                "status": step.status,
                "startedAt": format_timestamp(step.started_at),
                "endedAt": format_optional_timestamp(step.ended_at),
                **({"error": step.error} if step.error else {}),
            }
            for step in details.steps
        ],
        "createdAt": format_timestamp(operation.created_at),
        "updatedAt": format_timestamp(operation.updated_at),
    }
    if operation.result is not None:
        page["result"] = operation.result
    if operation.error is not None:
        page["error"] = operation.error
    if details.resources is not None:
        page["resources"] = [
            {
                "provider": resource.provider,
                "kind": resource.kind,
                "resourceId": resource.resource_id,
                "state": resource.state,
                "attemptedAt": format_timestamp(resource.attempted_at),
            }
            for resource in details.resources
        ]
    return page
