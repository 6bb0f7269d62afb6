"""GET /healthz: the API answers. Touches neither database nor provider."""

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import Health
from pointsman.http.services_api.route_spec import describe_route

from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app, public_method="GET")


@app.get("/healthz", openapi_extra=describe_route(Health))
async def check_health() -> JSONResponse:
    return JSONResponse({"ok": True})
