"""GET /operations/{operationId}: how far an operation is, step by step."""

from fastapi.responses import JSONResponse

from pointsman.http.answers import OperationPage, answers
from pointsman.http.app import create_app, lambda_handler
from pointsman.http.operations import page
from pointsman.http.parameters import PathId
from pointsman.lifecycle.progress import progress

app = create_app()
handler = lambda_handler(app)


@app.get("/operations/{operationId}", openapi_extra=answers(OperationPage, 400, 404, 503))
async def get_operation(operationId: PathId) -> JSONResponse:
    return JSONResponse(page(*progress(operationId)))
