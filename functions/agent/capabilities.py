"""GET /capabilities: which plugins there are."""

from composition import compose
from pointsman.http.agent_api.app import create_app, lambda_handler
from pointsman.http.agent_api.models import Capabilities
from pointsman.http.agent_api.route_spec import describe_agent_route

from fastapi.responses import JSONResponse

agent = compose()
app = create_app()
handler = lambda_handler(app)


@app.get("/capabilities", openapi_extra=describe_agent_route(Capabilities))
async def get_capabilities() -> JSONResponse:
    """List the ids of the registered plugins."""
    return JSONResponse({"plugins": agent.plugins.ids})
