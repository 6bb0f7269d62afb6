"""GET /dashboard/credits: OpenRouter's credits, and what each key may spend and has spent."""

from pointsman.http.services_api.app import create_app, lambda_handler
from pointsman.http.services_api.models import Credits
from pointsman.http.services_api.route_spec import describe_route
from pointsman.lifecycle.openrouter_spend import read_spend

from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app, only_reads=True)


@app.get("/dashboard/credits", openapi_extra=describe_route(Credits, 502))
async def get_dashboard_credits() -> JSONResponse:
    return JSONResponse(read_spend())
