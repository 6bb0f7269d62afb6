"""POST /prompts/{promptId}/approve: let the call of a tool that waits run; the prompt goes on."""

from urllib.parse import unquote

from fastapi import Request
from fastapi.responses import JSONResponse

from pointsman.agent.checking import read
from pointsman.http.agent_answers import DECIDING, answering
from pointsman.http.agent_app import body_of, create_app, lambda_handler, user_of
from pointsman.http.prompt_answers import Approval, Decided
from pointsman.prompts import deciding

app = create_app()
handler = lambda_handler(app)


@app.post("/prompts/{promptId}/approve", openapi_extra=answering(Decided, *DECIDING, body=Approval))
async def approve(promptId: str, request: Request) -> JSONResponse:
    given = read(Approval, await body_of(request), "The approval")
    prompt_id, shown = unquote(promptId), {"given": given.input} if "input" in given.model_fields_set else {}
    deciding.decide(user_of(request), prompt_id, given.toolCallId, True, **shown)
    return JSONResponse({"promptId": prompt_id, "toolCallId": given.toolCallId, "status": "approved"})
