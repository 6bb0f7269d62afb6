"""POST /redeploy/{instanceId}: deploy once more what the newest deployment deployed."""

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import Configured
from pointsman.http.services_api.parameters import PathId
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle import service_config

from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app)


@app.post(
    "/redeploy/{instanceId}", openapi_extra=describe_route(Configured, 400, 404, 409, 503, accepts_idempotency_key=True)
)
async def redeploy_instance(instanceId: PathId) -> JSONResponse:
    service_config.redeploy(instanceId)
    return JSONResponse({"instanceId": instanceId, "ok": True})
