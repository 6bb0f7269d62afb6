"""POST /prompts/{promptId}/cancel: end a prompt; one that has ended stays as it ended."""

from urllib.parse import unquote

from fastapi import Request
from fastapi.responses import JSONResponse

from pointsman.http.agent_answers import answering
from pointsman.http.agent_app import create_app, lambda_handler, user_of
from pointsman.http.prompt_answers import Cancelled
from pointsman.prompts import deciding, reading

app = create_app()
handler = lambda_handler(app)


@app.post("/prompts/{promptId}/cancel", openapi_extra=answering(Cancelled, "PROMPT_NOT_FOUND", "DATABASE_UNAVAILABLE"))
async def cancel(promptId: str, request: Request) -> JSONResponse:
    user, prompt_id = user_of(request), unquote(promptId)
    deciding.cancel(user, prompt_id)
    return JSONResponse({"promptId": prompt_id, "status": reading.page(user, prompt_id)["status"]})
