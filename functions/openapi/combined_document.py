"""GET /openapi.json: this description of both APIs, in OpenAPI 3.1, with the tools and routes of this bundle."""

import json
from functools import cache
from pathlib import Path

from composition import compose
from pointsman.http.agent_api.app import create_app, lambda_handler
from pointsman.http.agent_api.route_spec import describe_agent_route
from pointsman.http.openapi.runtime_document import generate_runtime_document
from pointsman.settings.api import load_auth_mode

from fastapi.responses import JSONResponse, Response

agent = compose()
app = create_app()
handler = lambda_handler(app, lambda scope: scope["method"] == "GET")


@app.get("/openapi.json", openapi_extra=describe_agent_route(dict[str, object], public=True))
async def get_combined_document() -> Response:
    """Return the document that `make openapi` generated, with the tools and routes of this bundle."""
    return Response(_build_document(), media_type="application/json")


@cache
def _build_document() -> bytes:
    fixed = json.loads(Path(__file__).with_suffix(".json").read_bytes())
    return bytes(JSONResponse(generate_runtime_document(fixed, agent.api, load_auth_mode())).body)
