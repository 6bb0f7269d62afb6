"""POST /tools/{toolId}/invoke: call a tool; the body is its input."""

from urllib.parse import unquote

from fastapi import Request
from fastapi.responses import JSONResponse

from composition import compose
from pointsman.agent import Invocation
from pointsman.http.agent_answers import REFUSALS, ToolResult, answering
from pointsman.http.agent_app import body_of, create_app, lambda_handler, user_of

agent = compose()
app = create_app()
handler = lambda_handler(app)


@app.post("/tools/{toolId}/invoke", openapi_extra=answering(ToolResult, *REFUSALS, "TOOL_NOT_FOUND"))
async def invoke_tool(toolId: str, request: Request) -> JSONResponse:
    tool = agent.api.tool(unquote(toolId)).tool
    invocation = Invocation(user_of(request), agent.services)
    return JSONResponse({"result": tool.call(invocation, await body_of(request))})
