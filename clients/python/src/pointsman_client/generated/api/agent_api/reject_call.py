from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.agent_error import AgentError
from ...models.decided import Decided
from ...models.rejection import Rejection
from ...types import Response


def _get_kwargs(
    prompt_id: str,
    *,
    body: Rejection,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/prompts/{prompt_id}/reject".format(
            prompt_id=quote(str(prompt_id), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> AgentError | Decided | None:
    if response.status_code == 200:
        response_200 = Decided.from_dict(response.json())

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

    if response.status_code == 413:
        response_413 = AgentError.from_dict(response.json())

        return response_413

    if response.status_code == 422:
        response_422 = AgentError.from_dict(response.json())

        return response_422

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
) -> Response[AgentError | Decided]:
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
    body: Rejection,
) -> Response[AgentError | Decided]:
    """Do not let the call of a tool that waits run; the model is told, and goes on

    Args:
        prompt_id (str):
        body (Rejection): `reason` is told to the model.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AgentError | Decided]
    """

    kwargs = _get_kwargs(
        prompt_id=prompt_id,
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    prompt_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: Rejection,
) -> AgentError | Decided | None:
    """Do not let the call of a tool that waits run; the model is told, and goes on

    Args:
        prompt_id (str):
        body (Rejection): `reason` is told to the model.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AgentError | Decided
    """

    return sync_detailed(
        prompt_id=prompt_id,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    prompt_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: Rejection,
) -> Response[AgentError | Decided]:
    """Do not let the call of a tool that waits run; the model is told, and goes on

    Args:
        prompt_id (str):
        body (Rejection): `reason` is told to the model.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AgentError | Decided]
    """

    kwargs = _get_kwargs(
        prompt_id=prompt_id,
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    prompt_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: Rejection,
) -> AgentError | Decided | None:
    """Do not let the call of a tool that waits run; the model is told, and goes on

    Args:
        prompt_id (str):
        body (Rejection): `reason` is told to the model.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AgentError | Decided
    """

    return (
        await asyncio_detailed(
            prompt_id=prompt_id,
            client=client,
            body=body,
        )
    ).parsed
