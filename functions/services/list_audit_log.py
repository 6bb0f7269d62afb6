"""GET /audit: who changed what, and how it went, the newest first."""

from typing import Annotated

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import AuditPage
from pointsman.http.services_api.parameters import (
    ID_SCHEMA,
    KNOWN_PARAMETERS,
    Cursor,
    EndTime,
    Limit,
    StartTime,
    describe_query,
)
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle import audit_trail

from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app, only_reads=True)


@app.get("/audit", dependencies=[KNOWN_PARAMETERS], openapi_extra=describe_route(AuditPage, 400, 503))
async def list_audit_log(
    actor: Annotated[str | None, describe_query(ID_SCHEMA)] = None,
    action: Annotated[str | None, describe_query({"type": "string", "enum": list(audit_trail.ACTIONS)})] = None,
    target: Annotated[str | None, describe_query(ID_SCHEMA)] = None,
    start: StartTime = None,
    end: EndTime = None,
    cursor: Cursor = None,
    limit: Limit = None,
) -> JSONResponse:
    page = audit_trail.list_entries(
        actor=actor, action=action, target=target, start=start, end=end, cursor=cursor, limit=limit
    )
    return JSONResponse(page)
