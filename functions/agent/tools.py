"""GET /tools: the tools that can be invoked, with JSON Schemas of what they take and return."""

from functools import cache

from composition import compose
from pointsman.agent import describe_tool
from pointsman.http.agent_api.app import create_app, lambda_handler
from pointsman.http.agent_api.models import Tools
from pointsman.http.agent_api.route_spec import describe_agent_route

from fastapi.responses import JSONResponse, Response

agent = compose()
app = create_app()
handler = lambda_handler(app)


@app.get("/tools", openapi_extra=describe_agent_route(Tools))
async def list_tools() -> Response:
    """Describe the exposed tools."""
    return Response(_serialize_tools(), media_type="application/json")


@cache
def _serialize_tools() -> bytes:
    """Serialize the list once; it does not change while the process runs."""
    schemas = [describe_tool(exposed.tool, exposed.tag) for exposed in agent.api.tools]
    return bytes(JSONResponse({"tools": schemas}).body)
