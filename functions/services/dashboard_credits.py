"""GET /dashboard/credits: OpenRouter's credits, and what each key may spend and has spent."""

from fastapi.responses import JSONResponse

from pointsman.http.answers import Credits, describe_route
from pointsman.http.app import create_app, lambda_handler
from pointsman.lifecycle.spending import read_spend

app = create_app()
handler = lambda_handler(app)


@app.get("/dashboard/credits", openapi_extra=describe_route(Credits, 502))
async def dashboard_credits() -> JSONResponse:
    return JSONResponse(read_spend())
