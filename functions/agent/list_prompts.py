"""GET /prompts: the caller's prompts, the newest first, by status and conversation."""

from pointsman.agent.validation import validate_input
from pointsman.db.user_prompts import PromptFilter
from pointsman.http.agent_api.app import create_app, get_user_id, lambda_handler
from pointsman.http.agent_api.prompt_models import PromptList, PromptQuery
from pointsman.http.agent_api.route_spec import describe_agent_route
from pointsman.prompts.prompt_list import list_prompts as list_page

from fastapi import Request
from fastapi.responses import JSONResponse

app = create_app()
handler = lambda_handler(app)


@app.get(
    "/prompts",
    openapi_extra=describe_agent_route(PromptList, "VALIDATION_ERROR", "DATABASE_UNAVAILABLE", query_model=PromptQuery),
)
async def list_prompts(request: Request) -> JSONResponse:
    """List a page of the caller's prompts."""
    query = validate_input(PromptQuery, dict(request.query_params), "The query")
    which = PromptFilter(query.status, query.conversationId)
    return JSONResponse(list_page(get_user_id(request), which, query.cursor or None, query.limit))
