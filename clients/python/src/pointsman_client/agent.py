"""The Agent API: tools, and prompts in which a model calls them and waits for a person's approval."""

import ssl
from collections.abc import Iterator, Mapping
from typing import Any

from .connection import Credential, build_bearer, call, call_async, get_or_unset, iterate_pages, open_client
from .errors import PointsmanError
from .events import ApprovalDecided, Event
from .generated import AuthenticatedClient
from .generated.api.agent_api import (
    approve_call,
    call_tool,
    cancel_prompt,
    get_prompt,
    list_approvals,
    list_prompts,
    list_tools,
    reject_call,
)
from .generated.models import (
    Approval,
    ApprovalList,
    CallToolBody,
    Cancelled,
    DecidableApproval,
    Decided,
    DecidedStatus,
    ListedPrompt,
    PromptList,
    PromptPage,
    PromptStatus,
    Rejection,
    SubmitPromptBodyModel,
    ToolListing,
    ToolResult,
    Tools,
)
from .prompt_stream import AsyncPromptStream, PromptStream, StreamRequest
from .retries import RetryPolicy

__all__ = ["Agent", "AsyncAgent"]

DOCUMENT_PREFIX = "/api"
"""The prefix of the paths in the OpenAPI document."""
_REPEATABLE_ENDS = ("/prompt", "/approve", "/reject", "/cancel")
"""What may be sent twice: a submission has a key, a decision is looked up, cancelling again changes nothing.

A tool's call may not."""
_DECISION_SECONDS = 30.0


class _AgentBase:
    """What both clients have."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        api_key: str | None = None,
        user_id: str | None = None,
        prefix: str = DOCUMENT_PREFIX,
        retries: RetryPolicy | None = None,
        timeout: float = 60.0,
        verify: bool | ssl.SSLContext = True,
    ) -> None:
        if (token is not None and api_key is not None) or (token is None and user_id is None):
            raise ValueError("An agent's client needs a token, or an API key and a user id, or a user id")
        bearer = build_bearer(token if token is not None else api_key)
        self.base_url = base_url
        self.prefix = prefix.rstrip("/")
        self.retries = retries or RetryPolicy()
        self.client: AuthenticatedClient = open_client(
            base_url,
            Credential({"Authorization": bearer, "X-User-Id": user_id}),
            policy=self.retries,
            is_repeatable=lambda request: request.url.path.endswith(_REPEATABLE_ENDS),
            timeout=timeout,
            verify=verify,
            prefix=(DOCUMENT_PREFIX, self.prefix),
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    def _submit(
        self,
        text: str,
        conversation_id: str | None,
        model: SubmitPromptBodyModel | None,
        deltas: bool,
        all_events: bool,
        idempotency_key: str | None,
        timeout: float | None,
    ) -> StreamRequest:
        body = {
            "input": text,
            "conversationId": conversation_id,
            "model": model,
            "stream": "tokens" if deltas else None,
        }
        return StreamRequest(
            DOCUMENT_PREFIX,
            body={name: value for name, value in body.items() if value is not None},
            all_events=all_events,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def _subscribe(
        self, prompt_id: str, last_event_id: str | None, all_events: bool, timeout: float | None
    ) -> StreamRequest:
        return StreamRequest(
            DOCUMENT_PREFIX, prompt_id=prompt_id, last_event_id=last_event_id, all_events=all_events, timeout=timeout
        )


class Agent(_AgentBase):
    """A client of the Agent API for one user. All methods raise `PointsmanError`.

    Args:
        base_url: such as `https://agents.example.org`.
        token: a user's token, where the API verifies tokens.
        api_key: the API's key, of a backend that names its user by `user_id`.
        user_id: whom the requests are for; alone it identifies a user only on a development machine.
        prefix: path of the Agent API.
        retries: how often a request is repeated, and a stream resumed that brings nothing.
        timeout: seconds without a byte of an answer that is no stream.
        verify: how TLS certificates are verified, as httpx takes it.

    Attributes:
        client: the generated client, for those functions of `pointsman_client.generated.api` that have no method here.
            They are repeated and raise in the same way.

    Raises:
        ValueError: the arguments identify nobody, no header can hold them, or the address is none.
    """

    def __enter__(self) -> "Agent":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections; prompts go on."""
        self.client.get_httpx_client().close()

    def prompt(
        self,
        text: str,
        *,
        conversation_id: str | None = None,
        model: SubmitPromptBodyModel | None = None,
        deltas: bool = False,
        all_events: bool = False,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> PromptStream:
        """Submit a prompt and iterate over its events, to its end, over as many connections as it takes.

        Args:
            text: what the user says.
            conversation_id: the conversation that it goes on with.
            model: `normal` by default.
            deltas: whether text comes while the model produces it, as `TextDelta`.
            all_events: whether `CallStarted` and `ApprovalDecided` come, too.
            idempotency_key: of the prompt; by default a new one, so a lost answer makes no second prompt.
            timeout: seconds for all of it, or None.
        """
        request = self._submit(text, conversation_id, model, deltas, all_events, idempotency_key, timeout)
        return PromptStream(self.client.get_httpx_client(), request, self.retries)

    def follow(
        self,
        prompt_id: str,
        last_event_id: str | None = None,
        *,
        all_events: bool = False,
        timeout: float | None = None,
    ) -> PromptStream:
        """Iterate over the events of a prompt that exists, from the first or after one; see `prompt`."""
        request = self._subscribe(prompt_id, last_event_id, all_events, timeout)
        return PromptStream(self.client.get_httpx_client(), request, self.retries)

    def approve(self, prompt_id: str, tool_call_id: str, *, input: object = None) -> Decided:
        """Let a call run.

        Args:
            prompt_id: the prompt's id.
            tool_call_id: the call's id.
            input: if given, it must be the one that was shown.
        """
        body = Approval(tool_call_id=tool_call_id, input_=get_or_unset(input))
        try:
            return call(approve_call.sync, Decided, prompt_id, client=self.client, body=body)
        except PointsmanError as error:
            return self._confirm_decision(error, prompt_id, tool_call_id, "approved")

    def reject(self, prompt_id: str, tool_call_id: str, reason: str | None = None) -> Decided:
        """Do not let a call run.

        Args:
            prompt_id: the prompt's id.
            tool_call_id: the call's id.
            reason: for the model, at most 2000 characters.
        """
        body = Rejection(tool_call_id=tool_call_id, reason=get_or_unset(reason))
        try:
            return call(reject_call.sync, Decided, prompt_id, client=self.client, body=body)
        except PointsmanError as error:
            return self._confirm_decision(error, prompt_id, tool_call_id, "rejected")

    def _confirm_decision(
        self, error: PointsmanError, prompt_id: str, tool_call_id: str, status: DecidedStatus
    ) -> Decided:
        """Return a decision that was recorded although its answer was lost, so that its repeat was refused."""
        if error.code == "PROMPT_NOT_FOUND" and error.attempts > 1:
            stream = self.follow(prompt_id, all_events=True, timeout=_DECISION_SECONDS)
            if _is_recorded(_find_decision(stream, tool_call_id), status):
                return Decided(prompt_id=prompt_id, tool_call_id=tool_call_id, status=status)
        raise error

    def cancel(self, prompt_id: str) -> Cancelled:
        """End a prompt; one that has ended stays as it ended."""
        return call(cancel_prompt.sync, Cancelled, prompt_id, client=self.client)

    def get_prompt(self, prompt_id: str) -> PromptPage:
        """Return a prompt with its outputs, and the approval that it waits for."""
        return call(get_prompt.sync, PromptPage, prompt_id, client=self.client)

    def list_prompts(
        self, *, status: PromptStatus | None = None, conversation_id: str | None = None
    ) -> Iterator[ListedPrompt]:
        """Iterate over the user's prompts, the newest first."""
        for page in iterate_pages(
            lambda cursor: call(
                list_prompts.sync,
                PromptList,
                client=self.client,
                status=get_or_unset(status),
                conversation_id=get_or_unset(conversation_id),
                cursor=cursor,
            )
        ):
            yield from page.prompts

    def list_approvals(self) -> Iterator[DecidableApproval]:
        """Iterate over the calls that wait for the user: own ones, and those that somebody else has to approve."""
        for page in iterate_pages(
            lambda cursor: call(list_approvals.sync, ApprovalList, client=self.client, cursor=cursor)
        ):
            yield from page.approvals

    def list_tools(self) -> list[ToolListing]:
        """Return the tools that the user may call, with their schemas."""
        return call(list_tools.sync, Tools, client=self.client).tools

    def call_tool(self, tool_id: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Call a tool, and return its result. It is sent again only where it cannot have run.

        Args:
            tool_id: such as `time.now`.
            arguments: its input.
        """
        body = CallToolBody.from_dict(arguments or {})
        return call(call_tool.sync, ToolResult, tool_id, client=self.client, body=body).result


class AsyncAgent(_AgentBase):
    """`Agent` for asyncio, with the same arguments: prompts and decisions.

    For the rest there is `client`, and `asyncio` of the generated functions.
    """

    async def __aenter__(self) -> "AsyncAgent":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections; prompts go on."""
        await self.client.get_async_httpx_client().aclose()

    def prompt(
        self,
        text: str,
        *,
        conversation_id: str | None = None,
        model: SubmitPromptBodyModel | None = None,
        deltas: bool = False,
        all_events: bool = False,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> AsyncPromptStream:
        """See `Agent.prompt`."""
        request = self._submit(text, conversation_id, model, deltas, all_events, idempotency_key, timeout)
        return AsyncPromptStream(self.client.get_async_httpx_client(), request, self.retries)

    def follow(
        self,
        prompt_id: str,
        last_event_id: str | None = None,
        *,
        all_events: bool = False,
        timeout: float | None = None,
    ) -> AsyncPromptStream:
        """See `Agent.follow`."""
        request = self._subscribe(prompt_id, last_event_id, all_events, timeout)
        return AsyncPromptStream(self.client.get_async_httpx_client(), request, self.retries)

    async def approve(self, prompt_id: str, tool_call_id: str, *, input: object = None) -> Decided:
        """See `Agent.approve`."""
        body = Approval(tool_call_id=tool_call_id, input_=get_or_unset(input))
        try:
            return await call_async(approve_call.asyncio, Decided, prompt_id, client=self.client, body=body)
        except PointsmanError as error:
            return await self._confirm_decision(error, prompt_id, tool_call_id, "approved")

    async def reject(self, prompt_id: str, tool_call_id: str, reason: str | None = None) -> Decided:
        """See `Agent.reject`."""
        body = Rejection(tool_call_id=tool_call_id, reason=get_or_unset(reason))
        try:
            return await call_async(reject_call.asyncio, Decided, prompt_id, client=self.client, body=body)
        except PointsmanError as error:
            return await self._confirm_decision(error, prompt_id, tool_call_id, "rejected")

    async def _confirm_decision(
        self, error: PointsmanError, prompt_id: str, tool_call_id: str, status: DecidedStatus
    ) -> Decided:
        if error.code == "PROMPT_NOT_FOUND" and error.attempts > 1:
            stream = self.follow(prompt_id, all_events=True, timeout=_DECISION_SECONDS)
            async for event in stream:
                if _is_about(event, tool_call_id):
                    await stream.close()
                    if _is_recorded(event, status):
                        return Decided(prompt_id=prompt_id, tool_call_id=tool_call_id, status=status)
        raise error

    async def cancel(self, prompt_id: str) -> Cancelled:
        """See `Agent.cancel`."""
        return await call_async(cancel_prompt.asyncio, Cancelled, prompt_id, client=self.client)


def _find_decision(stream: PromptStream, tool_call_id: str) -> Event | None:
    with stream:
        return next((event for event in stream if _is_about(event, tool_call_id)), None)


def _is_about(event: Event, tool_call_id: str) -> bool:
    return isinstance(event, ApprovalDecided) and event.tool_call_id == tool_call_id


def _is_recorded(event: Event | None, status: DecidedStatus) -> bool:
    return isinstance(event, ApprovalDecided) and event.decision == status
