"""POST /prompts/{promptId}/reject: do not let the call of a tool that waits run; the model is told, and goes on."""

from urllib.parse import unquote

from pointsman.agent.validation import validate_input
from pointsman.http.agent_api.app import create_app, get_permissions, get_user_id, lambda_handler, read_json_body
from pointsman.http.agent_api.prompt_models import Decided, Rejection
from pointsman.http.agent_api.route_spec import DECISION_ERROR_CODES, describe_agent_route
from pointsman.prompts import approvals

from fastapi import Request
from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app)


@app.post(
    "/prompts/{promptId}/reject",
    openapi_extra=describe_agent_route(Decided, *DECISION_ERROR_CODES, request_model=Rejection),
)
async def reject_call(promptId: str, request: Request) -> JSONResponse:
    """Reject the waiting call; 404 if the prompt does not wait for it."""
    rejection = validate_input(Rejection, await read_json_body(request), "The rejection")
    prompt_id = unquote(promptId)
    approvals.decide(
        get_user_id(request),
        prompt_id,
        rejection.toolCallId,
        False,
        reason=rejection.reason,
        permissions=get_permissions(request),
    )
    return JSONResponse({"promptId": prompt_id, "toolCallId": rejection.toolCallId, "status": "rejected"})
