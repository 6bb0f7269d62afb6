"""GET /instances/{instanceId}: one instance with its tools and its newest operations."""

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import InstanceDetails
from pointsman.http.services_api.parameters import PathId
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle import dashboard

from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app, only_reads=True)


@app.get("/instances/{instanceId}", openapi_extra=describe_route(InstanceDetails, 400, 404, 503))
async def get_instance(instanceId: PathId) -> JSONResponse:
    return JSONResponse(dashboard.get_instance(instanceId))
