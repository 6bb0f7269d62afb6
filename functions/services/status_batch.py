"""POST /status/batch: the fleet as it is at Railway now."""

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import Fleet
from pointsman.http.services_api.parameters import strict_config
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle.fleet_status import read_fleet_status

from fastapi.responses import JSONResponse
from pydantic import BaseModel

app = create_app()
handler = lambda_handler(app)


class StatusBatch(BaseModel):
    model_config = strict_config()

    instanceIds: list[str] | None = None


@app.post("/status/batch", openapi_extra=describe_route(Fleet, 400, 413, 502))
async def status_batch(body: StatusBatch | None = None) -> JSONResponse:
    return JSONResponse(read_fleet_status((body and body.instanceIds) or ()))
