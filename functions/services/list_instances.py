"""GET /instances: the instances as they are stored, by status, tool and the beginning of their id, in an order."""

from typing import Annotated

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import InstanceList
from pointsman.http.services_api.parameters import (
    ID_SCHEMA,
    KNOWN_PARAMETERS,
    TOOL_ID_SCHEMA,
    Cursor,
    Limit,
    describe_query,
)
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle import dashboard

from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app, only_reads=True)


@app.get("/instances", dependencies=[KNOWN_PARAMETERS], openapi_extra=describe_route(InstanceList, 400, 503))
async def list_instances(
    status: Annotated[str | None, describe_query(ID_SCHEMA)] = None,
    tool: Annotated[str | None, describe_query(TOOL_ID_SCHEMA)] = None,
    search: Annotated[str | None, describe_query(ID_SCHEMA)] = None,
    sort: Annotated[str | None, describe_query({"type": "string", "enum": list(dashboard.SORTS)})] = None,
    cursor: Cursor = None,
    limit: Limit = None,
    totals: Annotated[str | None, describe_query({"type": "string", "enum": ["true", "false"]})] = None,
) -> JSONResponse:
    page = dashboard.list_instance_page(
        status=status, tool=tool, search=search, sort=sort, cursor=cursor, limit=limit, totals=totals
    )
    return JSONResponse(page)
