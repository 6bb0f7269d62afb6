"""POST /create-instance: begin to create an instance and wait for it."""

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from pointsman.http.app import create_app, lambda_handler
from pointsman.http.operations import answer
from pointsman.lifecycle import progress, requests

app = create_app()
handler = lambda_handler(app)


class CreateInstance(BaseModel):
    model_config = ConfigDict(strict=True)

    instanceId: str = ""
    name: str = ""
    tools: list[str] | None = None


@app.post("/create-instance")
async def create_instance(body: CreateInstance) -> JSONResponse:
    operation = requests.create(body.instanceId, body.name, body.tools or [])
    return answer(progress.wait(operation))
