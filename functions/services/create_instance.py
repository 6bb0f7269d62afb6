"""POST /create-instance: begin to create an instance and wait for it."""

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import InstanceCreated
from pointsman.http.services_api.operations import operation_response
from pointsman.http.services_api.parameters import TOOL_IDS_SCHEMA, RequestClaim, RequiredText, strict_config
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle import commands, input_rules
from pointsman.lifecycle.operation_results import start_and_wait

from fastapi.responses import JSONResponse
from pydantic import BaseModel

app = create_app()
handler = lambda_handler(app)


class CreateInstance(BaseModel):
    model_config = strict_config(
        ["instanceId", "name"],
        instanceId={"pattern": f"^{input_rules.INSTANCE_ID_PATTERN.pattern}$"},
        name={"pattern": f"^{input_rules.SERVICE_NAME_PATTERN.pattern}$"},
        tools=TOOL_IDS_SCHEMA,
    )

    instanceId: RequiredText = ""
    name: RequiredText = ""
    tools: list[str] | None = None


@app.post(
    "/create-instance",
    openapi_extra=describe_route(
        InstanceCreated, 400, 409, 413, 503, starts_operation=True, accepts_idempotency_key=True
    ),
)
async def create_instance(body: CreateInstance, claim: RequestClaim) -> JSONResponse:
    operation = start_and_wait(claim, commands.start_create, body.instanceId, body.name, body.tools or [])
    return operation_response(operation)
