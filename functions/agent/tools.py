"""GET /tools: the tools that can be invoked, with JSON Schemas of what they take and return."""

from functools import cache

from fastapi.responses import JSONResponse, Response

from composition import compose
from pointsman.agent import schema
from pointsman.http.agent_answers import Tools, answering
from pointsman.http.agent_app import create_app, lambda_handler

agent = compose()
app = create_app()
handler = lambda_handler(app)


@app.get("/tools", openapi_extra=answering(Tools))
async def tools() -> Response:
    return Response(_listing(), media_type="application/json")


@cache
def _listing() -> bytes:
    """The same as long as this code runs."""
    listed = [schema(exposed.tool, exposed.tag) for exposed in agent.api.tools]
    return bytes(JSONResponse({"tools": listed}).body)
