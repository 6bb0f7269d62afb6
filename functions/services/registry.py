"""GET /registry: the tools that an instance can have."""

from fastapi.responses import JSONResponse

from pointsman.http.answers import Registry, answers
from pointsman.http.app import create_app, lambda_handler
from pointsman.providers.registry import TOOLS

app = create_app()
handler = lambda_handler(app)


@app.get("/registry", openapi_extra=answers(Registry))
async def registry() -> JSONResponse:
    tools = [
        {"id": tool.id, "name": tool.name, "mode": tool.mode, "envKeys": list(tool.env_keys)} for tool in TOOLS.values()
    ]
    return JSONResponse({"tools": tools})
