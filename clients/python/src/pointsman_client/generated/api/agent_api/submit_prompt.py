from http import HTTPStatus
from typing import Any, cast

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.agent_error import AgentError
from ...models.prompt_approval_event_2 import PromptApprovalEvent2
from ...models.prompt_call_event_2 import PromptCallEvent2
from ...models.prompt_completed_event_2 import PromptCompletedEvent2
from ...models.prompt_created_event_2 import PromptCreatedEvent2
from ...models.prompt_decided_event_2 import PromptDecidedEvent2
from ...models.prompt_delta_event_2 import PromptDeltaEvent2
from ...models.prompt_error_event_2 import PromptErrorEvent2
from ...models.prompt_output_event_2 import PromptOutputEvent2
from ...models.submit_prompt_body import SubmitPromptBody
from ...models.submit_prompt_events import (
    SubmitPromptEvents,
)
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: SubmitPromptBody,
    events: SubmitPromptEvents | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    params: dict[str, Any] = {}

    json_events: str | Unset = UNSET
    if not isinstance(events, Unset):
        json_events = events

    params["events"] = json_events

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/prompt",
        "params": params,
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> (
    AgentError
    | PromptApprovalEvent2
    | PromptCallEvent2
    | PromptCompletedEvent2
    | PromptCreatedEvent2
    | PromptDecidedEvent2
    | PromptDeltaEvent2
    | PromptErrorEvent2
    | PromptOutputEvent2
    | str
    | None
):
    if response.status_code == 200:

        def _parse_response_200(
            data: object,
        ) -> (
            PromptApprovalEvent2
            | PromptCallEvent2
            | PromptCompletedEvent2
            | PromptCreatedEvent2
            | PromptDecidedEvent2
            | PromptDeltaEvent2
            | PromptErrorEvent2
            | PromptOutputEvent2
            | str
        ):
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_prompt_event_2_type_0 = PromptCreatedEvent2.from_dict(data)

                return componentsschemas_prompt_event_2_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_prompt_event_2_type_1 = PromptOutputEvent2.from_dict(data)

                return componentsschemas_prompt_event_2_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_prompt_event_2_type_2 = PromptApprovalEvent2.from_dict(data)

                return componentsschemas_prompt_event_2_type_2
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_prompt_event_2_type_3 = PromptDecidedEvent2.from_dict(data)

                return componentsschemas_prompt_event_2_type_3
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_prompt_event_2_type_4 = PromptCallEvent2.from_dict(data)

                return componentsschemas_prompt_event_2_type_4
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_prompt_event_2_type_5 = PromptCompletedEvent2.from_dict(data)

                return componentsschemas_prompt_event_2_type_5
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_prompt_event_2_type_6 = PromptErrorEvent2.from_dict(data)

                return componentsschemas_prompt_event_2_type_6
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_prompt_event_2_type_7 = PromptDeltaEvent2.from_dict(data)

                return componentsschemas_prompt_event_2_type_7
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(
                PromptApprovalEvent2
                | PromptCallEvent2
                | PromptCompletedEvent2
                | PromptCreatedEvent2
                | PromptDecidedEvent2
                | PromptDeltaEvent2
                | PromptErrorEvent2
                | PromptOutputEvent2
                | str,
                data,
            )

        response_200 = _parse_response_200(response.text)

        return response_200

    if response.status_code == 401:
        response_401 = AgentError.from_dict(response.json())

        return response_401

    if response.status_code == 404:
        response_404 = AgentError.from_dict(response.json())

        return response_404

    if response.status_code == 409:
        response_409 = AgentError.from_dict(response.json())

        return response_409

    if response.status_code == 413:
        response_413 = AgentError.from_dict(response.json())

        return response_413

    if response.status_code == 422:
        response_422 = AgentError.from_dict(response.json())

        return response_422

    if response.status_code == 429:
        response_429 = AgentError.from_dict(response.json())

        return response_429

    if response.status_code == 500:
        response_500 = AgentError.from_dict(response.json())

        return response_500

    if response.status_code == 503:
        response_503 = AgentError.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[
    AgentError
    | PromptApprovalEvent2
    | PromptCallEvent2
    | PromptCompletedEvent2
    | PromptCreatedEvent2
    | PromptDecidedEvent2
    | PromptDeltaEvent2
    | PromptErrorEvent2
    | PromptOutputEvent2
    | str
]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: SubmitPromptBody,
    events: SubmitPromptEvents | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Response[
    AgentError
    | PromptApprovalEvent2
    | PromptCallEvent2
    | PromptCompletedEvent2
    | PromptCreatedEvent2
    | PromptDecidedEvent2
    | PromptDeltaEvent2
    | PromptErrorEvent2
    | PromptOutputEvent2
    | str
]:
    """Begin a prompt, and follow it

     The answer is a stream of events.
    Each event but `prompt.delta` has an `id`, its number within the prompt. Those of tool calls, which
    come with
    `events=all`, are numbered after the event that they follow: `3.1`, `3.2`. While nothing happens
    comments come. A stream
    ends after at most 2 minutes, whatever the prompt does; `GET /prompts/{promptId}/stream` with `Last-
    Event-ID` goes on
    with it.

    Args:
        events (SubmitPromptEvents | Unset):
        idempotency_key (str | Unset):
        body (SubmitPromptBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AgentError | PromptApprovalEvent2 | PromptCallEvent2 | PromptCompletedEvent2 | PromptCreatedEvent2 | PromptDecidedEvent2 | PromptDeltaEvent2 | PromptErrorEvent2 | PromptOutputEvent2 | str]
    """

    kwargs = _get_kwargs(
        body=body,
        events=events,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: SubmitPromptBody,
    events: SubmitPromptEvents | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> (
    AgentError
    | PromptApprovalEvent2
    | PromptCallEvent2
    | PromptCompletedEvent2
    | PromptCreatedEvent2
    | PromptDecidedEvent2
    | PromptDeltaEvent2
    | PromptErrorEvent2
    | PromptOutputEvent2
    | str
    | None
):
    """Begin a prompt, and follow it

     The answer is a stream of events.
    Each event but `prompt.delta` has an `id`, its number within the prompt. Those of tool calls, which
    come with
    `events=all`, are numbered after the event that they follow: `3.1`, `3.2`. While nothing happens
    comments come. A stream
    ends after at most 2 minutes, whatever the prompt does; `GET /prompts/{promptId}/stream` with `Last-
    Event-ID` goes on
    with it.

    Args:
        events (SubmitPromptEvents | Unset):
        idempotency_key (str | Unset):
        body (SubmitPromptBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AgentError | PromptApprovalEvent2 | PromptCallEvent2 | PromptCompletedEvent2 | PromptCreatedEvent2 | PromptDecidedEvent2 | PromptDeltaEvent2 | PromptErrorEvent2 | PromptOutputEvent2 | str
    """

    return sync_detailed(
        client=client,
        body=body,
        events=events,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: SubmitPromptBody,
    events: SubmitPromptEvents | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Response[
    AgentError
    | PromptApprovalEvent2
    | PromptCallEvent2
    | PromptCompletedEvent2
    | PromptCreatedEvent2
    | PromptDecidedEvent2
    | PromptDeltaEvent2
    | PromptErrorEvent2
    | PromptOutputEvent2
    | str
]:
    """Begin a prompt, and follow it

     The answer is a stream of events.
    Each event but `prompt.delta` has an `id`, its number within the prompt. Those of tool calls, which
    come with
    `events=all`, are numbered after the event that they follow: `3.1`, `3.2`. While nothing happens
    comments come. A stream
    ends after at most 2 minutes, whatever the prompt does; `GET /prompts/{promptId}/stream` with `Last-
    Event-ID` goes on
    with it.

    Args:
        events (SubmitPromptEvents | Unset):
        idempotency_key (str | Unset):
        body (SubmitPromptBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AgentError | PromptApprovalEvent2 | PromptCallEvent2 | PromptCompletedEvent2 | PromptCreatedEvent2 | PromptDecidedEvent2 | PromptDeltaEvent2 | PromptErrorEvent2 | PromptOutputEvent2 | str]
    """

    kwargs = _get_kwargs(
        body=body,
        events=events,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: SubmitPromptBody,
    events: SubmitPromptEvents | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> (
    AgentError
    | PromptApprovalEvent2
    | PromptCallEvent2
    | PromptCompletedEvent2
    | PromptCreatedEvent2
    | PromptDecidedEvent2
    | PromptDeltaEvent2
    | PromptErrorEvent2
    | PromptOutputEvent2
    | str
    | None
):
    """Begin a prompt, and follow it

     The answer is a stream of events.
    Each event but `prompt.delta` has an `id`, its number within the prompt. Those of tool calls, which
    come with
    `events=all`, are numbered after the event that they follow: `3.1`, `3.2`. While nothing happens
    comments come. A stream
    ends after at most 2 minutes, whatever the prompt does; `GET /prompts/{promptId}/stream` with `Last-
    Event-ID` goes on
    with it.

    Args:
        events (SubmitPromptEvents | Unset):
        idempotency_key (str | Unset):
        body (SubmitPromptBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AgentError | PromptApprovalEvent2 | PromptCallEvent2 | PromptCompletedEvent2 | PromptCreatedEvent2 | PromptDecidedEvent2 | PromptDeltaEvent2 | PromptErrorEvent2 | PromptOutputEvent2 | str
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            events=events,
            idempotency_key=idempotency_key,
        )
    ).parsed
