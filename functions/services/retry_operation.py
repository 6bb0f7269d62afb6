"""POST /operations/{operationId}/retry: try again to delete what an operation left behind, and wait."""

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import OperationPage
from pointsman.http.services_api.operations import operation_page_response, operation_response
from pointsman.http.services_api.parameters import PathId, RequestClaim
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle import leaked_operations
from pointsman.lifecycle.operation_results import start_and_wait

from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app)


@app.post(
    "/operations/{operationId}/retry",
    openapi_extra=describe_route(
        OperationPage, 400, 404, 409, 503, starts_operation=True, accepts_idempotency_key=True
    ),
)
async def retry_operation(operationId: PathId, claim: RequestClaim) -> JSONResponse:
    operation = start_and_wait(claim, leaked_operations.retry_leaked, operationId)
    if operation.status == "running":
        return operation_response(operation)
    return operation_page_response(operation.id)
