"""GET /healthz: the API answers. Touches neither database nor provider."""

from fastapi.responses import JSONResponse

from pointsman.http.answers import Health, answers
from pointsman.http.app import create_app, lambda_handler

app = create_app()
handler = lambda_handler(app, public="GET")


@app.get("/healthz", openapi_extra=answers(Health))
async def healthz() -> JSONResponse:
    return JSONResponse({"ok": True})
