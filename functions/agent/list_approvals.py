"""GET /approvals: the calls of tools that wait for the caller's decision."""

from pointsman.agent.validation import validate_input
from pointsman.http.agent_api.app import create_app, get_permissions, get_user_id, lambda_handler
from pointsman.http.agent_api.prompt_models import ApprovalList, ApprovalQuery
from pointsman.http.agent_api.route_spec import describe_agent_route
from pointsman.prompts import approvals

from fastapi import Request
from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app)


@app.get(
    "/approvals",
    openapi_extra=describe_agent_route(
        ApprovalList, "VALIDATION_ERROR", "DATABASE_UNAVAILABLE", query_model=ApprovalQuery
    ),
)
async def list_approvals(request: Request) -> JSONResponse:
    """List a page of the calls that the caller may approve or reject."""
    query = validate_input(ApprovalQuery, dict(request.query_params), "The query")
    return JSONResponse(
        approvals.list_pending(get_user_id(request), get_permissions(request), query.cursor or None, query.limit)
    )
