"""GET /operations: the operations, the newest first, by status, kind and instance."""

from typing import Annotated

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import OperationList
from pointsman.http.services_api.parameters import (
    ID_SCHEMA,
    KNOWN_PARAMETERS,
    Cursor,
    Limit,
    describe_query,
)
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle import operation_list

from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app, only_reads=True)


@app.get("/operations", dependencies=[KNOWN_PARAMETERS], openapi_extra=describe_route(OperationList, 400, 503))
async def list_operations(
    status: Annotated[str | None, describe_query({"type": "string", "enum": list(operation_list.STATUSES)})] = None,
    kind: Annotated[str | None, describe_query({"type": "string", "enum": list(operation_list.KINDS)})] = None,
    instanceId: Annotated[str | None, describe_query(ID_SCHEMA)] = None,
    cursor: Cursor = None,
    limit: Limit = None,
) -> JSONResponse:
    page = operation_list.list_operations(status=status, kind=kind, instance_id=instanceId, cursor=cursor, limit=limit)
    return JSONResponse(page)
