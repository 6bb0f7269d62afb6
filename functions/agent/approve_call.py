"""POST /prompts/{promptId}/approve: let the call of a tool that waits run; the prompt goes on."""

from urllib.parse import unquote

from pointsman.agent.validation import validate_input
from pointsman.http.agent_api.app import create_app, get_permissions, get_user_id, lambda_handler, read_json_body
from pointsman.http.agent_api.prompt_models import Approval, Decided
from pointsman.http.agent_api.route_spec import DECISION_ERROR_CODES, describe_agent_route
from pointsman.prompts import approvals

from fastapi import Request
from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app)


@app.post(
    "/prompts/{promptId}/approve",
    openapi_extra=describe_agent_route(Decided, *DECISION_ERROR_CODES, request_model=Approval),
)
async def approve_call(promptId: str, request: Request) -> JSONResponse:
    """Approve the waiting call; 404 if the prompt does not wait for it."""
    approval = validate_input(Approval, await read_json_body(request), "The approval")
    prompt_id = unquote(promptId)
    expected_input = approval.input if "input" in approval.model_fields_set else approvals.UNSET
    approvals.decide(
        get_user_id(request),
        prompt_id,
        approval.toolCallId,
        True,
        expected_input=expected_input,
        permissions=get_permissions(request),
    )
    return JSONResponse({"promptId": prompt_id, "toolCallId": approval.toolCallId, "status": "approved"})
