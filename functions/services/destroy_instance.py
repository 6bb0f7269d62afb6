"""DELETE /destroy/{instanceId}: begin to destroy an instance, or go on with it, and wait."""

from fastapi.responses import JSONResponse

from pointsman.http.answers import InstanceDestroyed, answers
from pointsman.http.app import create_app, lambda_handler
from pointsman.http.operations import answer
from pointsman.http.parameters import PathId
from pointsman.lifecycle import requests
from pointsman.lifecycle.progress import see_through

app = create_app()
handler = lambda_handler(app)


@app.delete(
    "/destroy/{instanceId}", openapi_extra=answers(InstanceDestroyed, 400, 404, 409, 503, starts=True, keyed=True)
)
async def destroy_instance(instanceId: PathId) -> JSONResponse:
    return answer(see_through(lambda: requests.destroy(instanceId)))
