"""DELETE /destroy/{instanceId}: begin to destroy an instance, or go on with it, and wait."""

from fastapi.responses import JSONResponse

from pointsman.http.app import create_app, lambda_handler
from pointsman.http.operations import answer
from pointsman.lifecycle import progress, requests

app = create_app()
handler = lambda_handler(app)


@app.delete("/destroy/{instance_id}")
async def destroy_instance(instance_id: str) -> JSONResponse:
    return answer(progress.wait(requests.destroy(instance_id)))
