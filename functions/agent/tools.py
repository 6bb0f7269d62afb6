"""GET /tools: the tools that can be invoked, with JSON Schemas of what they take and return."""

from functools import lru_cache

from composition import compose
from pointsman.agent import describe_tool
from pointsman.http.agent_api.app import create_app, get_permissions, lambda_handler
from pointsman.http.agent_api.models import Tools
from pointsman.http.agent_api.route_spec import describe_agent_route

from fastapi import Request
from fastapi.responses import JSONResponse, Response

agent = compose()
app = create_app()
handler = lambda_handler(app)


@app.get("/tools", openapi_extra=describe_agent_route(Tools))
async def list_tools(request: Request) -> Response:
    """Describe the exposed tools that the caller may use."""
    return Response(_serialize_tools(get_permissions(request)), media_type="application/json")


@lru_cache(maxsize=32)
def _serialize_tools(permissions: tuple[str, ...]) -> bytes:
    """Serialize the list once for each set of permissions; it does not change while the process runs."""
    usable = (exposed for exposed in agent.api.tools if exposed.tool.is_usable_by(permissions))
    schemas = [describe_tool(exposed.tool, exposed.tag) for exposed in usable]
    return bytes(JSONResponse({"tools": schemas}).body)
