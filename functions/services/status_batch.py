"""POST /status/batch: the fleet as it is at Railway now."""

from fastapi.responses import JSONResponse
from pydantic import BaseModel

from pointsman.http.answers import Fleet, ServiceStatus, answers
from pointsman.http.app import create_app, lambda_handler
from pointsman.http.parameters import strict
from pointsman.lifecycle.status import fleet
from pointsman.settings.railway import RailwaySettings

app = create_app()
handler = lambda_handler(app)


class StatusBatch(BaseModel):
    model_config = strict()

    instanceIds: list[str] | None = None


@app.post("/status/batch", openapi_extra=answers(Fleet, 400, 413, 502))
async def status_batch(body: StatusBatch | None = None) -> JSONResponse:
    services: list[ServiceStatus] = [
        {
            "instanceId": instance_id,
            "serviceId": instance.service_id,
            "name": instance.name,
            "deployStatus": instance.status,
            "domain": instance.domain,
            "image": instance.image,
            "environmentIds": [instance.environment_id],
        }
        for instance_id, instance in fleet((body and body.instanceIds) or ())
    ]
    return JSONResponse({"projectId": RailwaySettings.load().project_id, "services": services})
