"""GET /openapi.json: this description of the API, in OpenAPI 3.1."""

from pathlib import Path

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.route_spec import describe_route

from fastapi import Response

app = create_app()
handler = lambda_handler(app, only_reads=True)


@app.get("/openapi.json", openapi_extra=describe_route(dict[str, object]))
async def get_services_document() -> Response:
    """Written by `make openapi` from the endpoints' code, and checked by a test: nothing is generated at run time."""
    return Response(Path(__file__).with_suffix(".json").read_bytes(), media_type="application/json")
