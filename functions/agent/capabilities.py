"""GET /capabilities: which plugins there are."""

from fastapi.responses import JSONResponse

from composition import compose
from pointsman.http.agent_answers import Capabilities, answering
from pointsman.http.agent_app import create_app, lambda_handler

agent = compose()
app = create_app()
handler = lambda_handler(app)


@app.get("/capabilities", openapi_extra=answering(Capabilities))
async def capabilities() -> JSONResponse:
    return JSONResponse({"plugins": agent.plugins.ids})
