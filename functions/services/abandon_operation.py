"""POST /operations/{operationId}/abandon: give up what an operation could not delete."""

from fastapi.responses import JSONResponse

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import OperationPage, describe_route
from pointsman.http.services_api.operations import serialize_operation
from pointsman.http.services_api.parameters import PathId
from pointsman.lifecycle import leaked_operations
from pointsman.lifecycle.operation_results import get_operation_and_steps

app = create_app()
handler = lambda_handler(app)


@app.post(
    "/operations/{operationId}/abandon",
    openapi_extra=describe_route(OperationPage, 400, 404, 409, 503, accepts_idempotency_key=True),
)
async def abandon_operation(operationId: PathId) -> JSONResponse:
    operation = leaked_operations.abandon_leaked(operationId)
    return JSONResponse(serialize_operation(*get_operation_and_steps(operation.id)))
