"""GET /registry: the tools that an instance can have."""

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import Registry
from pointsman.http.services_api.route_spec import describe_route
from pointsman.providers.registry import describe_tools

from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app, only_reads=True)


@app.get("/registry", openapi_extra=describe_route(Registry))
async def get_registry() -> JSONResponse:
    return JSONResponse({"tools": describe_tools()})
