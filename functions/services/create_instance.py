"""POST /create-instance: begin to create an instance and wait for it."""

from fastapi.responses import JSONResponse
from pydantic import BaseModel

from pointsman.http.answers import InstanceCreated, answers
from pointsman.http.app import create_app, lambda_handler
from pointsman.http.operations import answer
from pointsman.http.parameters import TOOL, strict
from pointsman.lifecycle import naming, requests
from pointsman.lifecycle.progress import see_through

app = create_app()
handler = lambda_handler(app)


class CreateInstance(BaseModel):
    model_config = strict(
        "instanceId name",
        instanceId={"pattern": f"^{naming.INSTANCE_ID.pattern}$"},
        name={"pattern": f"^{naming.SERVICE_NAME.pattern}$"},
        tools={"anyOf": [{"type": "array", "items": TOOL}, {"type": "null"}]},
    )

    instanceId: str = ""
    name: str = ""
    tools: list[str] | None = None


@app.post("/create-instance", openapi_extra=answers(InstanceCreated, 400, 409, 413, 503, starts=True, keyed=True))
async def create_instance(body: CreateInstance) -> JSONResponse:
    return answer(see_through(lambda: requests.create(body.instanceId, body.name, body.tools or [])))
