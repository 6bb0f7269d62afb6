"""GET /fleet/history, /orphans and /health/details: what the schedules have recorded."""

from typing import Annotated

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.parameters import KNOWN_PARAMETERS, Cursor, EndTime, Limit, StartTime, describe_query
from pointsman.http.services_api.report_models import FleetHistory, HealthDetails, OrphanList
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle import fleet_history, health_details, orphan_list

from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app, only_reads=True)

Points = Annotated[str | None, describe_query({"type": "integer", "minimum": 1, "maximum": fleet_history.MAX_POINTS})]
_PROVIDER = describe_query({"type": "string", "enum": list(orphan_list.PROVIDERS)})
_DECISION = describe_query({"type": "string", "enum": list(orphan_list.DECISIONS)})


@app.get("/fleet/history", dependencies=[KNOWN_PARAMETERS], openapi_extra=describe_route(FleetHistory, 400, 503))
async def get_fleet_history(start: StartTime = None, end: EndTime = None, points: Points = None) -> JSONResponse:
    """The number of instances by status, over time."""
    return JSONResponse(fleet_history.read_history(start, end, points))


@app.get("/orphans", dependencies=[KNOWN_PARAMETERS], openapi_extra=describe_route(OrphanList, 400, 503))
async def list_orphans(
    provider: Annotated[str | None, _PROVIDER] = None, decision: Annotated[str | None, _DECISION] = None,
    cursor: Cursor = None, limit: Limit = None,
) -> JSONResponse:  # fmt: skip
    """Resources at the providers that nothing here knows, and what was decided about them."""
    return JSONResponse(orphan_list.list_orphans(provider=provider, decision=decision, cursor=cursor, limit=limit))


@app.get("/health/details", openapi_extra=describe_route(HealthDetails, 503))
async def get_health_details() -> JSONResponse:
    """Versions, the schedules' last runs, and the providers' failures of late."""
    return JSONResponse(health_details.read_details())
