"""POST /operations/{operationId}/abandon: give up what an operation could not delete."""

from fastapi.responses import JSONResponse

from pointsman.http.answers import OperationPage, answers
from pointsman.http.app import create_app, lambda_handler
from pointsman.http.operations import page
from pointsman.http.parameters import PathId
from pointsman.lifecycle import reconcile
from pointsman.lifecycle.progress import progress

app = create_app()
handler = lambda_handler(app)


@app.post("/operations/{operationId}/abandon", openapi_extra=answers(OperationPage, 400, 404, 409, 503, keyed=True))
async def abandon_operation(operationId: PathId) -> JSONResponse:
    return JSONResponse(page(*progress(reconcile.abandon(operationId).id)))
