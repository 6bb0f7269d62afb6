"""GET /registry: the tools that an instance can have."""

from fastapi.responses import JSONResponse

from pointsman.http.answers import Registry, answers
from pointsman.http.app import create_app, lambda_handler
from pointsman.providers.registry import listing

app = create_app()
handler = lambda_handler(app)


@app.get("/registry", openapi_extra=answers(Registry))
async def registry() -> JSONResponse:
    return JSONResponse({"tools": listing()})
