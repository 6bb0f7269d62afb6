from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.agent_error import AgentError
from ...models.prompt_approval_event import PromptApprovalEvent
from ...models.prompt_call_event import PromptCallEvent
from ...models.prompt_completed_event import PromptCompletedEvent
from ...models.prompt_created_event import PromptCreatedEvent
from ...models.prompt_decided_event import PromptDecidedEvent
from ...models.prompt_delta_event import PromptDeltaEvent
from ...models.prompt_error_event import PromptErrorEvent
from ...models.prompt_output_event import PromptOutputEvent
from ...models.submit_prompt_events import (
    SubmitPromptEvents,
)
from ...types import UNSET, Response, Unset


def _get_kwargs(
    prompt_id: str,
    *,
    last_event_id_query: str | Unset = UNSET,
    events: SubmitPromptEvents | Unset = UNSET,
    last_event_id_header: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(last_event_id_header, Unset):
        headers["Last-Event-ID"] = last_event_id_header

    params: dict[str, Any] = {}

    params["lastEventId"] = last_event_id_query

    json_events: str | Unset = UNSET
    if not isinstance(events, Unset):
        json_events = events

    params["events"] = json_events

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/prompts/{prompt_id}/stream".format(
            prompt_id=quote(str(prompt_id), safe=""),
        ),
        "params": params,
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> (
    AgentError
    | Any
    | PromptApprovalEvent
    | PromptCallEvent
    | PromptCompletedEvent
    | PromptCreatedEvent
    | PromptDecidedEvent
    | PromptDeltaEvent
    | PromptErrorEvent
    | PromptOutputEvent
    | str
    | None
):
    if response.status_code == 200:

        def _parse_response_200(
            data: object,
        ) -> (
            PromptApprovalEvent
            | PromptCallEvent
            | PromptCompletedEvent
            | PromptCreatedEvent
            | PromptDecidedEvent
            | PromptDeltaEvent
            | PromptErrorEvent
            | PromptOutputEvent
            | str
        ):
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_prompt_event_type_0 = PromptCreatedEvent.from_dict(data)

                return componentsschemas_prompt_event_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_prompt_event_type_1 = PromptOutputEvent.from_dict(data)

                return componentsschemas_prompt_event_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_prompt_event_type_2 = PromptApprovalEvent.from_dict(data)

                return componentsschemas_prompt_event_type_2
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_prompt_event_type_3 = PromptDecidedEvent.from_dict(data)

                return componentsschemas_prompt_event_type_3
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_prompt_event_type_4 = PromptCallEvent.from_dict(data)

                return componentsschemas_prompt_event_type_4
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_prompt_event_type_5 = PromptCompletedEvent.from_dict(data)

                return componentsschemas_prompt_event_type_5
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_prompt_event_type_6 = PromptErrorEvent.from_dict(data)

                return componentsschemas_prompt_event_type_6
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_prompt_event_type_7 = PromptDeltaEvent.from_dict(data)

                return componentsschemas_prompt_event_type_7
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(
                PromptApprovalEvent
                | PromptCallEvent
                | PromptCompletedEvent
                | PromptCreatedEvent
                | PromptDecidedEvent
                | PromptDeltaEvent
                | PromptErrorEvent
                | PromptOutputEvent
                | str,
                data,
            )

        response_200 = _parse_response_200(response.text)

        return response_200

    if response.status_code == 204:
        response_204 = cast(Any, None)
        return response_204

    if response.status_code == 401:
        response_401 = AgentError.from_dict(response.json())

        return response_401

    if response.status_code == 404:
        response_404 = AgentError.from_dict(response.json())

        return response_404

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
    | Any
    | PromptApprovalEvent
    | PromptCallEvent
    | PromptCompletedEvent
    | PromptCreatedEvent
    | PromptDecidedEvent
    | PromptDeltaEvent
    | PromptErrorEvent
    | PromptOutputEvent
    | str
]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    prompt_id: str,
    *,
    client: AuthenticatedClient | Client,
    last_event_id_query: str | Unset = UNSET,
    events: SubmitPromptEvents | Unset = UNSET,
    last_event_id_header: str | Unset = UNSET,
) -> Response[
    AgentError
    | Any
    | PromptApprovalEvent
    | PromptCallEvent
    | PromptCompletedEvent
    | PromptCreatedEvent
    | PromptDecidedEvent
    | PromptDeltaEvent
    | PromptErrorEvent
    | PromptOutputEvent
    | str
]:
    """Follow a prompt, from any event on

     A prompt that has ended is told again.
    Each event but `prompt.delta` has an `id`, its number within the prompt. Those of tool calls, which
    come with
    `events=all`, are numbered after the event that they follow: `3.1`, `3.2`. While nothing happens
    comments come. A stream
    ends after at most 2 minutes, whatever the prompt does; `GET /prompts/{promptId}/stream` with `Last-
    Event-ID` goes on
    with it.

    Args:
        prompt_id (str):
        last_event_id_query (str | Unset):
        events (SubmitPromptEvents | Unset):
        last_event_id_header (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AgentError | Any | PromptApprovalEvent | PromptCallEvent | PromptCompletedEvent | PromptCreatedEvent | PromptDecidedEvent | PromptDeltaEvent | PromptErrorEvent | PromptOutputEvent | str]
    """

    kwargs = _get_kwargs(
        prompt_id=prompt_id,
        last_event_id_query=last_event_id_query,
        events=events,
        last_event_id_header=last_event_id_header,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    prompt_id: str,
    *,
    client: AuthenticatedClient | Client,
    last_event_id_query: str | Unset = UNSET,
    events: SubmitPromptEvents | Unset = UNSET,
    last_event_id_header: str | Unset = UNSET,
) -> (
    AgentError
    | Any
    | PromptApprovalEvent
    | PromptCallEvent
    | PromptCompletedEvent
    | PromptCreatedEvent
    | PromptDecidedEvent
    | PromptDeltaEvent
    | PromptErrorEvent
    | PromptOutputEvent
    | str
    | None
):
    """Follow a prompt, from any event on

     A prompt that has ended is told again.
    Each event but `prompt.delta` has an `id`, its number within the prompt. Those of tool calls, which
    come with
    `events=all`, are numbered after the event that they follow: `3.1`, `3.2`. While nothing happens
    comments come. A stream
    ends after at most 2 minutes, whatever the prompt does; `GET /prompts/{promptId}/stream` with `Last-
    Event-ID` goes on
    with it.

    Args:
        prompt_id (str):
        last_event_id_query (str | Unset):
        events (SubmitPromptEvents | Unset):
        last_event_id_header (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AgentError | Any | PromptApprovalEvent | PromptCallEvent | PromptCompletedEvent | PromptCreatedEvent | PromptDecidedEvent | PromptDeltaEvent | PromptErrorEvent | PromptOutputEvent | str
    """

    return sync_detailed(
        prompt_id=prompt_id,
        client=client,
        last_event_id_query=last_event_id_query,
        events=events,
        last_event_id_header=last_event_id_header,
    ).parsed


async def asyncio_detailed(
    prompt_id: str,
    *,
    client: AuthenticatedClient | Client,
    last_event_id_query: str | Unset = UNSET,
    events: SubmitPromptEvents | Unset = UNSET,
    last_event_id_header: str | Unset = UNSET,
) -> Response[
    AgentError
    | Any
    | PromptApprovalEvent
    | PromptCallEvent
    | PromptCompletedEvent
    | PromptCreatedEvent
    | PromptDecidedEvent
    | PromptDeltaEvent
    | PromptErrorEvent
    | PromptOutputEvent
    | str
]:
    """Follow a prompt, from any event on

     A prompt that has ended is told again.
    Each event but `prompt.delta` has an `id`, its number within the prompt. Those of tool calls, which
    come with
    `events=all`, are numbered after the event that they follow: `3.1`, `3.2`. While nothing happens
    comments come. A stream
    ends after at most 2 minutes, whatever the prompt does; `GET /prompts/{promptId}/stream` with `Last-
    Event-ID` goes on
    with it.

    Args:
        prompt_id (str):
        last_event_id_query (str | Unset):
        events (SubmitPromptEvents | Unset):
        last_event_id_header (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AgentError | Any | PromptApprovalEvent | PromptCallEvent | PromptCompletedEvent | PromptCreatedEvent | PromptDecidedEvent | PromptDeltaEvent | PromptErrorEvent | PromptOutputEvent | str]
    """

    kwargs = _get_kwargs(
        prompt_id=prompt_id,
        last_event_id_query=last_event_id_query,
        events=events,
        last_event_id_header=last_event_id_header,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    prompt_id: str,
    *,
    client: AuthenticatedClient | Client,
    last_event_id_query: str | Unset = UNSET,
    events: SubmitPromptEvents | Unset = UNSET,
    last_event_id_header: str | Unset = UNSET,
) -> (
    AgentError
    | Any
    | PromptApprovalEvent
    | PromptCallEvent
    | PromptCompletedEvent
    | PromptCreatedEvent
    | PromptDecidedEvent
    | PromptDeltaEvent
    | PromptErrorEvent
    | PromptOutputEvent
    | str
    | None
):
    """Follow a prompt, from any event on

     A prompt that has ended is told again.
    Each event but `prompt.delta` has an `id`, its number within the prompt. Those of tool calls, which
    come with
    `events=all`, are numbered after the event that they follow: `3.1`, `3.2`. While nothing happens
    comments come. A stream
    ends after at most 2 minutes, whatever the prompt does; `GET /prompts/{promptId}/stream` with `Last-
    Event-ID` goes on
    with it.

    Args:
        prompt_id (str):
        last_event_id_query (str | Unset):
        events (SubmitPromptEvents | Unset):
        last_event_id_header (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AgentError | Any | PromptApprovalEvent | PromptCallEvent | PromptCompletedEvent | PromptCreatedEvent | PromptDecidedEvent | PromptDeltaEvent | PromptErrorEvent | PromptOutputEvent | str
    """

    return (
        await asyncio_detailed(
            prompt_id=prompt_id,
            client=client,
            last_event_id_query=last_event_id_query,
            events=events,
            last_event_id_header=last_event_id_header,
        )
    ).parsed
