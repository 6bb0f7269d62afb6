"""GET /operations/{operationId}: how far an operation is, step by step."""

from pointsman.http.app import create_app, lambda_handler
from pointsman.http.operations import page
from pointsman.lifecycle.progress import progress

app = create_app()
handler = lambda_handler(app)


@app.get("/operations/{operation_id}")
async def get_operation(operation_id: str) -> dict[str, object]:
    return page(*progress(operation_id))
