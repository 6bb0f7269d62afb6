"""POST /prompts/{promptId}/reject: do not let the call of a tool that waits run; the model is told, and goes on."""

from urllib.parse import unquote

from fastapi import Request
from fastapi.responses import JSONResponse

from pointsman.agent.checking import read
from pointsman.http.agent_answers import DECIDING, answering
from pointsman.http.agent_app import body_of, create_app, lambda_handler, user_of
from pointsman.http.prompt_answers import Decided, Rejection
from pointsman.prompts import deciding

app = create_app()
handler = lambda_handler(app)


@app.post("/prompts/{promptId}/reject", openapi_extra=answering(Decided, *DECIDING, body=Rejection))
async def reject(promptId: str, request: Request) -> JSONResponse:
    given = read(Rejection, await body_of(request), "The rejection")
    prompt_id = unquote(promptId)
    deciding.decide(user_of(request), prompt_id, given.toolCallId, False, reason=given.reason)
    return JSONResponse({"promptId": prompt_id, "toolCallId": given.toolCallId, "status": "rejected"})
