"""GET /healthz: the API answers. Touches neither database nor provider."""

from fastapi.responses import JSONResponse

from pointsman.http.answers import Health, describe_route
from pointsman.http.app import create_app, lambda_handler

app = create_app()
handler = lambda_handler(app, public_method="GET")


@app.get("/healthz", openapi_extra=describe_route(Health))
async def healthz() -> JSONResponse:
    return JSONResponse({"ok": True})
