"""POST /status/batch: the fleet as it is at Railway now, or as it was listed a short time ago."""

from typing import Annotated

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import Fleet
from pointsman.http.services_api.parameters import optional_list, strict_config
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle import fleet_status, input_rules

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

app = create_app()
handler = lambda_handler(app, only_reads=True)


class StatusBatch(BaseModel):
    model_config = strict_config(instanceIds=optional_list({"type": "string"}, input_rules.MAX_INSTANCE_IDS))

    instanceIds: list[str] | None = None
    maxAgeSeconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


@app.post("/status/batch", openapi_extra=describe_route(Fleet, 400, 413, 502))
async def get_fleet_status(body: StatusBatch | None = None) -> JSONResponse:
    instance_ids = (body and body.instanceIds) or ()
    input_rules.validate_instance_ids(instance_ids)
    if body is None or body.maxAgeSeconds is None:
        return JSONResponse(fleet_status.read_fleet_status(instance_ids))
    # Loads the database, which a live listing does not need.
    from pointsman.lifecycle import fleet_snapshot

    return JSONResponse(fleet_snapshot.read_fleet_status(instance_ids, body.maxAgeSeconds))
