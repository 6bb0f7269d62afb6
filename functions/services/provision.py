"""POST /provision/{instanceId}/{toolId}: give an instance one more tool, and wait."""

from fastapi.responses import JSONResponse
from pydantic import BaseModel

from pointsman.http.answers import ToolProvisioned, answers
from pointsman.http.app import create_app, lambda_handler
from pointsman.http.operations import answer
from pointsman.http.parameters import PathId, ToolId, strict
from pointsman.lifecycle import tool_requests
from pointsman.lifecycle.progress import see_through

app = create_app()
handler = lambda_handler(app)


class ToolConfig(BaseModel):
    model_config = strict(limit={"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}]})

    limit: float | None = None


class Provision(BaseModel):
    model_config = strict()

    config: ToolConfig | None = None


@app.post(
    "/provision/{instanceId}/{toolId}",
    openapi_extra=answers(ToolProvisioned, 400, 404, 409, 413, 503, starts=True, keyed=True),
)
async def provision(instanceId: PathId, toolId: ToolId, body: Provision | None = None) -> JSONResponse:
    limit = body.config.limit if body and body.config else None
    return answer(see_through(lambda: tool_requests.provision(instanceId, toolId, limit)))
