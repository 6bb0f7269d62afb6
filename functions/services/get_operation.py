"""GET /operations/{operationId}: how far an operation is, step by step, and what it has at the providers."""

from typing import Annotated

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import OperationPage
from pointsman.http.services_api.operations import operation_page_response
from pointsman.http.services_api.parameters import PathId, describe_query
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle.list_parameters import parse_choice

from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app, only_reads=True)


@app.get("/operations/{operationId}", openapi_extra=describe_route(OperationPage, 400, 404, 503))
async def get_operation(
    operationId: PathId,
    resources: Annotated[str | None, describe_query({"type": "string", "enum": ["true", "false"]})] = None,
) -> JSONResponse:
    with_resources = parse_choice("resources", resources, ("true", "false")) == "true"
    return operation_page_response(operationId, with_resources=with_resources)
