"""POST /prompts/{promptId}/cancel: end a prompt; one that has ended stays as it ended."""

from urllib.parse import unquote

from fastapi import Request
from fastapi.responses import JSONResponse

from pointsman.http.agent_answers import describe_agent_route
from pointsman.http.agent_app import create_app, get_user_id, lambda_handler
from pointsman.http.prompt_answers import Cancelled
from pointsman.prompts import deciding, reading

app = create_app()
handler = lambda_handler(app)


@app.post(
    "/prompts/{promptId}/cancel",
    openapi_extra=describe_agent_route(Cancelled, "PROMPT_NOT_FOUND", "DATABASE_UNAVAILABLE"),
)
async def cancel(promptId: str, request: Request) -> JSONResponse:
    user, prompt_id = get_user_id(request), unquote(promptId)
    deciding.cancel(user, prompt_id)
    return JSONResponse({"promptId": prompt_id, "status": reading.get_prompt(user, prompt_id)["status"]})
