"""`tools/call`: exposed tools, prompts, and the answers of people who were asked whether a call may run."""

from collections.abc import Mapping
from functools import partial
from typing import cast

from .. import deadlines
from ..agent.agent import Agent
from ..agent.direct_call import submit_direct_call
from ..agent.tool import AnyTool, Invocation
from ..agent.validation import validate_input
from ..db import tool_calls
from ..db.connection import run_in_transaction
from ..errors import ApprovalRequired, FeatureUnavailable, PromptNotFound
from ..prompts import approvals
from ..prompts.submission import submit_prompt
from . import questions
from .catalog import Catalog
from .exchange import Exchange
from .messages import INVALID_PARAMS, JsonObject, RpcError
from .prompt_follower import Followed, follow, start_and_follow
from .prompt_models import PromptInput, ResultInput
from .request_state import Asked, Question, verify
from .results import (
    build_error_result,
    build_outcome,
    build_output_result,
    build_text_result,
    find_call_result,
)

__all__ = ["ToolCaller"]


class ToolCaller:
    """Calls the tools of a catalog."""

    def __init__(self, agent: Agent, catalog: Catalog) -> None:
        self._agent = agent
        self._catalog = catalog

    async def call(self, exchange: Exchange) -> JsonObject:
        """Answer a request `tools/call`.

        Returns:
            The result. What the tool, its input or a person's answer makes impossible is one too, with `isError`.

        Raises:
            RpcError: there is no such tool, or a parameter is wrong.
            OSError: the client is gone.
        """
        params = exchange.request.message.params
        name, arguments = params.get("name"), params.get("arguments", {})
        if not isinstance(name, str):
            raise RpcError(INVALID_PARAMS, "name must be the name of a tool")
        if arguments is not None and not isinstance(arguments, dict):
            raise RpcError(INVALID_PARAMS, "arguments must be an object")
        given: JsonObject = cast("JsonObject", arguments or {})
        try:
            return await self._dispatch(exchange, name, given)
        except (RpcError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - a model reads what went wrong in the result
            return build_error_result(exchange.event, error)

    async def _dispatch(self, exchange: Exchange, name: str, arguments: JsonObject) -> JsonObject:
        is_prompt = name in (self._catalog.prompt_name, self._catalog.result_name)
        tool = None if is_prompt else self._catalog.get_tool(name)
        state = exchange.request.message.params.get("requestState")
        if state is not None and exchange.request.is_stateless:
            action = questions.read_answer(exchange.request.message.params)
            question = verify(str(state), Asked(exchange.user_id, name, arguments))
            return await self._go_on(exchange, name, arguments, question, action)
        if tool is not None:
            return await self._call_exposed(exchange, name, arguments, tool)
        if name == self._catalog.prompt_name:
            followed = await self._run_prompt(exchange, arguments)
        else:
            prompt_id = validate_input(ResultInput, arguments, f"The input of {name}").promptId
            followed = await follow(exchange, prompt_id)
        return self._conclude(exchange, name, arguments, followed)

    async def _call_exposed(self, exchange: Exchange, name: str, arguments: JsonObject, tool: AnyTool) -> JsonObject:
        """Call the tool as a request over REST would. Where that refuses a call, a person is asked."""
        invocation = Invocation(exchange.user_id, self._agent.services, exchange.permissions)
        try:
            with deadlines.begin(exchange.context, deadlines.ENDPOINT_SECONDS):
                return build_output_result(tool.call(invocation, arguments))
        except ApprovalRequired:
            submit = partial(
                submit_direct_call, self._agent.services, tool, arguments, exchange.user_id, exchange.permissions
            )
        return self._conclude(exchange, name, arguments, await start_and_follow(exchange, submit))

    async def _run_prompt(self, exchange: Exchange, arguments: JsonObject) -> Followed:
        given = validate_input(PromptInput, arguments, f"The input of {self._catalog.prompt_name}")
        if given.conversationId and "conversation" not in self._agent.plugins.ids:
            raise FeatureUnavailable("There are no conversations here: the plugin `conversation` is not registered")
        submit = partial(
            submit_prompt,
            exchange.user_id,
            given.input,
            model=given.model,
            conversation_id=given.conversationId or None,
            permissions=exchange.permissions,
        )
        return await start_and_follow(exchange, submit)

    async def _go_on(
        self, exchange: Exchange, name: str, arguments: JsonObject, question: Question, action: str
    ) -> JsonObject:
        """Decide as the person did, and follow on. Of several answers to one question, one counts."""
        is_approved = action == "accept"
        reason = None if is_approved else f"The person's answer to the question was: {action}"
        try:
            approvals.decide(
                exchange.user_id,
                question.prompt_id,
                question.tool_call_id,
                is_approved,
                reason=reason,
                permissions=exchange.permissions,
            )
        except PromptNotFound:
            return build_text_result(
                "APPROVAL_NOT_WAITING: The question was answered before, or its time is over, so this answer changes"
                f" nothing. {self._explain_result(question.prompt_id)}",
                is_error=True,
                meta=_make_meta(question.prompt_id),
            )
        if not is_approved and self._is_direct(name):
            return build_text_result(
                f"APPROVAL_REJECTED: The call was not run; the person's answer to the question was: {action}",
                is_error=True,
                meta=_make_meta(question.prompt_id),
            )
        followed = await follow(exchange, question.prompt_id, question.seq)
        return self._conclude(exchange, name, arguments, followed)

    def _conclude(self, exchange: Exchange, name: str, arguments: JsonObject, followed: Followed) -> JsonObject:
        """Build the result of what was followed: an output, a state, or a question to the person."""
        view, prompt_id = followed.view, str(followed.view["id"])
        waiting = run_in_transaction(tool_calls.find_waiting, prompt_id) if view["status"] == "waiting" else None
        if waiting is not None and waiting.approver == "self" and exchange.request.can_ask:
            return questions.ask(Asked(exchange.user_id, name, arguments), waiting, followed.seq)
        how_to_go_on = ""
        if waiting is not None:
            prefix = self._agent.api.prefix
            how_to_go_on = f"{questions.explain(waiting, prefix)} {self._explain_result(prompt_id)}"
        elif view["status"] in ("running", "waiting"):
            how_to_go_on = f"It has not ended yet. {self._explain_result(prompt_id)}"
        if not self._is_direct(name):
            return build_outcome(view, waiting, how_to_go_on)
        if how_to_go_on:
            code = "NOT_FINISHED" if waiting is None else "APPROVAL_REQUIRED"
            return build_text_result(
                f"{code}: {how_to_go_on}", is_error=True, meta=_make_meta(prompt_id, waiting and waiting.id)
            )
        return find_call_result(view) or build_text_result(f"Not run: {view.get('error')}", is_error=True)

    def _is_direct(self, name: str) -> bool:
        return name not in (self._catalog.prompt_name, self._catalog.result_name)

    def _explain_result(self, prompt_id: str) -> str:
        name = self._catalog.result_name
        return f"Call {name} with promptId {prompt_id} to get what becomes of it; do not repeat this call."


def _make_meta(prompt_id: str, tool_call_id: str | None = None) -> Mapping[str, object]:
    """Make what a program may want to know of a call that has not run."""
    return {"pointsman/promptId": prompt_id, **({"pointsman/toolCallId": tool_call_id} if tool_call_id else {})}
