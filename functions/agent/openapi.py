"""GET /openapi.json: this description of both APIs, in OpenAPI 3.1, with the tools and routes of this bundle."""

import json
from functools import cache
from pathlib import Path

from fastapi.responses import JSONResponse, Response

from composition import compose
from pointsman.http.agent_answers import answering
from pointsman.http.agent_app import create_app, lambda_handler
from pointsman.http.whole_document import whole_document
from pointsman.settings.agent_auth import agent_auth

agent = compose()
app = create_app()
handler = lambda_handler(app, lambda scope: scope["method"] == "GET")


@app.get("/openapi.json", openapi_extra=answering(dict[str, object], public=True))
async def agent_openapi() -> Response:
    """What `make openapi` has written of the endpoints' code, and what this bundle exposes besides."""
    return Response(_document(), media_type="application/json")


@cache
def _document() -> bytes:
    fixed = json.loads(Path(__file__).with_name("openapi.json").read_bytes())
    return bytes(JSONResponse(whole_document(fixed, agent.api, agent_auth())).body)
