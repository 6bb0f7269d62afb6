"""GET and PUT /maintenance: whether new prompts and instances are stopped."""

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import Maintenance
from pointsman.http.services_api.parameters import strict_config
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle import maintenance

from fastapi.responses import JSONResponse
from pydantic import BaseModel

app = create_app()
handler = lambda_handler(app, reading_methods=("GET",))


class SetMaintenance(BaseModel):
    model_config = strict_config(message={"anyOf": [maintenance.MESSAGE_SCHEMA, {"type": "null"}]})

    enabled: bool
    message: str | None = None


@app.get("/maintenance", openapi_extra=describe_route(Maintenance, 503))
async def get_maintenance() -> JSONResponse:
    return JSONResponse(maintenance.read_state())


@app.put("/maintenance", openapi_extra=describe_route(Maintenance, 400, 413, 503))
async def set_maintenance(body: SetMaintenance) -> JSONResponse:
    return JSONResponse(maintenance.switch(body.enabled, body.message))
