"""DELETE /destroy/{instanceId}: begin to destroy an instance, or go on with it, and wait."""

from typing import Annotated
from urllib.parse import unquote

from pointsman.errors import InvalidInput
from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import InstanceDestroyed
from pointsman.http.services_api.operations import operation_response
from pointsman.http.services_api.parameters import PathId, RequestClaim
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle import commands
from pointsman.lifecycle.operation_results import start_and_wait

from fastapi import Header
from fastapi.responses import JSONResponse
from pydantic import WithJsonSchema

app = create_app()
handler = lambda_handler(app)


@app.delete(
    "/destroy/{instanceId}",
    openapi_extra=describe_route(
        InstanceDestroyed, 400, 404, 409, 503, starts_operation=True, accepts_idempotency_key=True
    ),
)
async def destroy_instance(
    instanceId: PathId,
    claim: RequestClaim,
    confirm: Annotated[str | None, Header(alias="Confirm-Destroy"), WithJsonSchema({"type": "string"})] = None,
) -> JSONResponse:
    if confirm is not None and unquote(confirm) != instanceId:
        raise InvalidInput("Confirm-Destroy must be the instance's id, as it stands in the path, or be left out")
    return operation_response(start_and_wait(claim, commands.start_destroy, instanceId, confirmed=confirm is not None))
