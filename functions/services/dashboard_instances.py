"""GET /dashboard/instances: the instances as they are stored, with their tools."""

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import DashboardInstances
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle.dashboard import list_stored_instances

from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app, only_reads=True)


@app.get("/dashboard/instances", openapi_extra=describe_route(DashboardInstances, 503))
async def list_dashboard_instances() -> JSONResponse:
    return JSONResponse({"instances": list_stored_instances()})
