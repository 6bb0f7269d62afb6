"""POST /operations/{operationId}/abandon: give up what an operation could not delete."""

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import OperationPage
from pointsman.http.services_api.operations import operation_page_response
from pointsman.http.services_api.parameters import PathId
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle import leaked_operations

from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app)


@app.post(
    "/operations/{operationId}/abandon",
    openapi_extra=describe_route(OperationPage, 400, 404, 409, 503, accepts_idempotency_key=True),
)
async def abandon_operation(operationId: PathId) -> JSONResponse:
    return operation_page_response(leaked_operations.abandon_leaked(operationId).id)
