"""DELETE /destroy/{instanceId}/{toolId}/{resourceId}: delete one resource of a tool, and wait."""

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import ResourceDestroyed
from pointsman.http.services_api.operations import operation_response
from pointsman.http.services_api.parameters import PathId, RequestClaim, ToolId
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle import commands
from pointsman.lifecycle.operation_results import start_and_wait

from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app)


@app.delete(
    "/destroy/{instanceId}/{toolId}/{resourceId}",
    openapi_extra=describe_route(
        ResourceDestroyed, 400, 404, 409, 503, starts_operation=True, accepts_idempotency_key=True
    ),
)
async def destroy_resource(instanceId: PathId, toolId: ToolId, resourceId: PathId, claim: RequestClaim) -> JSONResponse:
    operation = start_and_wait(claim, commands.start_destroy_tool, instanceId, toolId, resourceId)
    return operation_response(operation)
