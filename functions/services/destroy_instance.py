"""DELETE /destroy/{instanceId}: begin to destroy an instance, or go on with it, and wait."""

from typing import Annotated
from urllib.parse import unquote

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

_CONFIRMATION = Header(
    alias="Confirm-Destroy",
    description="The instance's id once more, by a person who means it: then the destroy is not held (`DESTROYS_HELD`)",
)


@app.delete(
    "/destroy/{instanceId}",
    openapi_extra=describe_route(
        InstanceDestroyed, 400, 404, 409, 503, starts_operation=True, accepts_idempotency_key=True
    ),
)
async def destroy_instance(
    instanceId: PathId,
    claim: RequestClaim,
    confirm: Annotated[str | None, _CONFIRMATION, WithJsonSchema({"type": "string"})] = None,
) -> JSONResponse:
    # Another id confirms nothing: a header that a loop sends along with every request must not.
    confirmed = confirm is not None and unquote(confirm) == instanceId
    return operation_response(start_and_wait(claim, commands.start_destroy, instanceId, confirmed=confirmed))
