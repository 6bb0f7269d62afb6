"""GET /prompts/{promptId}: a prompt with all its outputs, and the approval that it waits for."""

from urllib.parse import unquote

from pointsman.http.agent_api.app import create_app, get_user_id, lambda_handler
from pointsman.http.agent_api.prompt_models import PromptPage
from pointsman.http.agent_api.route_spec import describe_agent_route
from pointsman.http.lambda_adapter import AnyTextResponse
from pointsman.prompts import queries

from fastapi import Request

app = create_app()
handler = lambda_handler(app)


@app.get(
    "/prompts/{promptId}", openapi_extra=describe_agent_route(PromptPage, "PROMPT_NOT_FOUND", "DATABASE_UNAVAILABLE")
)
async def get_prompt(promptId: str, request: Request) -> AnyTextResponse:
    """Return the prompt's view."""
    return AnyTextResponse(queries.get_prompt(get_user_id(request), unquote(promptId)))
