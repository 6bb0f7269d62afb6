"""POST /status/batch: the fleet as it is at Railway now."""

from fastapi.responses import JSONResponse
from pydantic import BaseModel

from pointsman.http.answers import Fleet, answers
from pointsman.http.app import create_app, lambda_handler
from pointsman.http.parameters import strict
from pointsman.lifecycle.status import batch

app = create_app()
handler = lambda_handler(app)


class StatusBatch(BaseModel):
    model_config = strict()

    instanceIds: list[str] | None = None


@app.post("/status/batch", openapi_extra=answers(Fleet, 400, 413, 502))
async def status_batch(body: StatusBatch | None = None) -> JSONResponse:
    return JSONResponse(batch((body and body.instanceIds) or ()))
