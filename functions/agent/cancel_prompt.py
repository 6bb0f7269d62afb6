"""POST /prompts/{promptId}/cancel: end a prompt; one that has ended stays as it ended."""

from urllib.parse import unquote

from pointsman.http.agent_api.app import create_app, get_user_id, lambda_handler
from pointsman.http.agent_api.prompt_models import Cancelled
from pointsman.http.agent_api.route_spec import describe_agent_route
from pointsman.prompts import queries, termination

from fastapi import Request
from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app)


@app.post(
    "/prompts/{promptId}/cancel",
    openapi_extra=describe_agent_route(Cancelled, "PROMPT_NOT_FOUND", "DATABASE_UNAVAILABLE"),
)
async def cancel_prompt(promptId: str, request: Request) -> JSONResponse:
    """Cancel the prompt and return its status, which is another one if it had ended."""
    user, prompt_id = get_user_id(request), unquote(promptId)
    termination.cancel(user, prompt_id)
    return JSONResponse({"promptId": prompt_id, "status": queries.get_prompt(user, prompt_id)["status"]})
