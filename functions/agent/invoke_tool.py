"""POST /tools/{toolId}/invoke: call a tool; the body is its input."""

from urllib.parse import unquote

from composition import compose
from pointsman.agent import Invocation
from pointsman.http.agent_api.app import create_app, get_permissions, get_user_id, lambda_handler, read_json_body
from pointsman.http.agent_api.models import ToolResult
from pointsman.http.agent_api.route_spec import TOOL_CALL_ERROR_CODES, describe_agent_route
from pointsman.http.lambda_adapter import AnyTextResponse

from fastapi import Request

agent = compose()
app = create_app()
handler = lambda_handler(app)


@app.post(
    "/tools/{toolId}/invoke", openapi_extra=describe_agent_route(ToolResult, *TOOL_CALL_ERROR_CODES, "TOOL_NOT_FOUND")
)
async def call_tool(toolId: str, request: Request) -> AnyTextResponse:
    """Call an exposed tool and return its result. A tool that needs an approval is refused."""
    tool = agent.api.get_tool(unquote(toolId)).tool
    invocation = Invocation(get_user_id(request), agent.services, get_permissions(request))
    return AnyTextResponse({"result": tool.call(invocation, await read_json_body(request))})
