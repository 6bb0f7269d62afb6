from http import HTTPStatus
from typing import Any, cast

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.agent_error import AgentError
from ...models.run_agui_body import RunAguiBody
from ...models.run_agui_response import RunAguiResponse
from ...types import Response


def _get_kwargs(
    *,
    body: RunAguiBody,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/agui",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> AgentError | RunAguiResponse | str | None:
    if response.status_code == 200:

        def _parse_response_200(data: object) -> RunAguiResponse | str:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                response_200_type_0 = RunAguiResponse.from_dict(data)

                return response_200_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(RunAguiResponse | str, data)

        response_200 = _parse_response_200(response.text)

        return response_200

    if response.status_code == 401:
        response_401 = AgentError.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = AgentError.from_dict(response.json())

        return response_403

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
) -> Response[AgentError | RunAguiResponse | str]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: RunAguiBody,
) -> Response[AgentError | RunAguiResponse | str]:
    """Run the agent in the protocol AG-UI

    Args:
        body (RunAguiBody): AG-UI's RunAgentInput. The user's last message is submitted, unless
            `resume` answers approvals

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AgentError | RunAguiResponse | str]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: RunAguiBody,
) -> AgentError | RunAguiResponse | str | None:
    """Run the agent in the protocol AG-UI

    Args:
        body (RunAguiBody): AG-UI's RunAgentInput. The user's last message is submitted, unless
            `resume` answers approvals

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AgentError | RunAguiResponse | str
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: RunAguiBody,
) -> Response[AgentError | RunAguiResponse | str]:
    """Run the agent in the protocol AG-UI

    Args:
        body (RunAguiBody): AG-UI's RunAgentInput. The user's last message is submitted, unless
            `resume` answers approvals

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AgentError | RunAguiResponse | str]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: RunAguiBody,
) -> AgentError | RunAguiResponse | str | None:
    """Run the agent in the protocol AG-UI

    Args:
        body (RunAguiBody): AG-UI's RunAgentInput. The user's last message is submitted, unless
            `resume` answers approvals

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AgentError | RunAguiResponse | str
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
