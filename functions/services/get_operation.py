"""GET /operations/{operationId}: how far an operation is, step by step."""

from fastapi.responses import JSONResponse

from pointsman.http.app import create_app, lambda_handler
from pointsman.http.operations import page
from pointsman.lifecycle.progress import progress

app = create_app()
handler = lambda_handler(app)


@app.get("/operations/{operation_id}")
async def get_operation(operation_id: str) -> JSONResponse:
    return JSONResponse(page(*progress(operation_id)))
