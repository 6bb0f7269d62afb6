"""POST /provision/{instanceId}/{toolId}: give an instance one more tool, and wait."""

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import ToolProvisioned
from pointsman.http.services_api.operations import operation_response
from pointsman.http.services_api.parameters import PathId, RequestClaim, ToolId, strict_config
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle import commands
from pointsman.lifecycle.operation_results import start_and_wait

from fastapi.responses import JSONResponse
from pydantic import BaseModel

app = create_app()
handler = lambda_handler(app)


class ToolConfig(BaseModel):
    model_config = strict_config(limit={"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}]})

    limit: float | None = None


class Provision(BaseModel):
    model_config = strict_config()

    config: ToolConfig | None = None


@app.post(
    "/provision/{instanceId}/{toolId}",
    openapi_extra=describe_route(
        ToolProvisioned, 400, 404, 409, 413, 503, starts_operation=True, accepts_idempotency_key=True
    ),
)
async def provision_resource(
    instanceId: PathId, toolId: ToolId, claim: RequestClaim, body: Provision | None = None
) -> JSONResponse:
    limit = body.config.limit if body and body.config else None
    return operation_response(start_and_wait(claim, commands.start_provision, instanceId, toolId, limit))
