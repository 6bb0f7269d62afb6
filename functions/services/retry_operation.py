"""POST /operations/{operationId}/retry: try again to delete what an operation left behind, and wait."""

from fastapi.responses import JSONResponse

from pointsman.http.answers import OperationPage, answers
from pointsman.http.app import create_app, lambda_handler
from pointsman.http.operations import answer, page
from pointsman.http.parameters import PathId
from pointsman.lifecycle import reconcile
from pointsman.lifecycle.progress import progress, see_through

app = create_app()
handler = lambda_handler(app)


@app.post(
    "/operations/{operationId}/retry", openapi_extra=answers(OperationPage, 400, 404, 409, 503, starts=True, keyed=True)
)
async def retry_operation(operationId: PathId) -> JSONResponse:
    operation = see_through(lambda: reconcile.retry(operationId))
    return answer(operation) if operation.status == "running" else JSONResponse(page(*progress(operation.id)))
