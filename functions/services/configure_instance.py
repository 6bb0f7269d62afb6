"""POST /configure/{instanceId}: set variables of an instance's runtime."""

from typing import Annotated

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import Configured
from pointsman.http.services_api.parameters import PathId, null_as, strict_config
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle import input_rules, service_config

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

app = create_app()
handler = lambda_handler(app)


class Configure(BaseModel):
    model_config = strict_config(
        ["variables"],
        variables={
            "minProperties": 1,
            "maxProperties": input_rules.MAX_VARIABLES,
            "propertyNames": {"pattern": f"^{input_rules.VARIABLE_NAME_PATTERN.pattern}$"},
            "additionalProperties": {"type": "string", "pattern": r"^[^\x00]*$"},
        },
    )

    variables: Annotated[dict[str, str], null_as({})] = Field({}, repr=False)
    redeploy: bool = False


@app.post(
    "/configure/{instanceId}",
    openapi_extra=describe_route(Configured, 400, 404, 409, 413, 502, 503, accepts_idempotency_key=True),
)
async def configure_instance(instanceId: PathId, body: Configure) -> JSONResponse:
    service_config.configure(instanceId, body.variables, body.redeploy)
    return JSONResponse({"instanceId": instanceId, "ok": True})
