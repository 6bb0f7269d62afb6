"""GET /operations/{operationId}: how far an operation is, step by step."""

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import OperationPage
from pointsman.http.services_api.operations import operation_page_response
from pointsman.http.services_api.parameters import PathId
from pointsman.http.services_api.route_spec import describe_route

from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app, only_reads=True)


@app.get("/operations/{operationId}", openapi_extra=describe_route(OperationPage, 400, 404, 503))
async def get_operation(operationId: PathId) -> JSONResponse:
    return operation_page_response(operationId)
