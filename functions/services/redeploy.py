"""POST /redeploy/{instanceId}: deploy once more what the newest deployment deployed."""

from fastapi.responses import JSONResponse

from pointsman.http.answers import Configured, answers
from pointsman.http.app import create_app, lambda_handler
from pointsman.http.parameters import PathId
from pointsman.lifecycle import service

app = create_app()
handler = lambda_handler(app)


@app.post("/redeploy/{instanceId}", openapi_extra=answers(Configured, 400, 404, 409, 503, keyed=True))
async def redeploy(instanceId: PathId) -> JSONResponse:
    service.redeploy(instanceId)
    return JSONResponse({"instanceId": instanceId, "ok": True})
