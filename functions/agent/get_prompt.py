"""GET /prompts/{promptId}: a prompt with all its outputs, and the approval that it waits for."""

from urllib.parse import unquote

from fastapi import Request
from fastapi.responses import JSONResponse

from pointsman.http.agent_answers import answering
from pointsman.http.agent_app import create_app, lambda_handler, user_of
from pointsman.http.prompt_answers import PromptPage
from pointsman.prompts import reading

app = create_app()
handler = lambda_handler(app)


@app.get("/prompts/{promptId}", openapi_extra=answering(PromptPage, "PROMPT_NOT_FOUND", "DATABASE_UNAVAILABLE"))
async def get_prompt(promptId: str, request: Request) -> JSONResponse:
    return JSONResponse(reading.page(user_of(request), unquote(promptId)))
