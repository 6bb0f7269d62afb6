"""DELETE /destroy/{instanceId}/{toolId}/{resourceId}: delete one resource of a tool, and wait."""

from fastapi.responses import JSONResponse

from pointsman.http.answers import ResourceDestroyed, answers
from pointsman.http.app import create_app, lambda_handler
from pointsman.http.operations import answer
from pointsman.http.parameters import PathId, ToolId
from pointsman.lifecycle import tool_requests
from pointsman.lifecycle.progress import see_through

app = create_app()
handler = lambda_handler(app)


@app.delete(
    "/destroy/{instanceId}/{toolId}/{resourceId}",
    openapi_extra=answers(ResourceDestroyed, 400, 404, 409, 503, starts=True, keyed=True),
)
async def destroy_resource(instanceId: PathId, toolId: ToolId, resourceId: PathId) -> JSONResponse:
    return answer(see_through(lambda: tool_requests.destroy(instanceId, toolId, resourceId)))
