"""GET /dashboard/instances: the instances as they are stored, with their tools."""

from typing import Annotated

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import DashboardInstances
from pointsman.http.services_api.parameters import CURSOR_SCHEMA, KNOWN_PARAMETERS, describe_query
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle import dashboard
from pointsman.lifecycle.list_parameters import parse_count

from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app, only_reads=True)

_LIMIT = {"type": "integer", "minimum": 1, "maximum": dashboard.MAX_STORED}


@app.get(
    "/dashboard/instances", dependencies=[KNOWN_PARAMETERS], openapi_extra=describe_route(DashboardInstances, 400, 503)
)
async def list_dashboard_instances(
    limit: Annotated[str | None, describe_query(_LIMIT)] = None,
    cursor: Annotated[str | None, describe_query(CURSOR_SCHEMA)] = None,
) -> JSONResponse:
    count = parse_count("limit", limit, dashboard.MAX_STORED) if limit is not None else dashboard.MAX_STORED
    return JSONResponse(dashboard.list_stored_instances(count, cursor))
