from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error import Error
from ...models.list_orphans_decision import (
    ListOrphansDecision,
)
from ...models.list_orphans_provider import (
    ListOrphansProvider,
)
from ...models.orphan_list import OrphanList
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    provider: ListOrphansProvider | Unset = UNSET,
    decision: ListOrphansDecision | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_provider: str | Unset = UNSET
    if not isinstance(provider, Unset):
        json_provider = provider

    params["provider"] = json_provider

    json_decision: str | Unset = UNSET
    if not isinstance(decision, Unset):
        json_decision = decision

    params["decision"] = json_decision

    params["cursor"] = cursor

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/orphans",
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Error | OrphanList | None:
    if response.status_code == 200:
        response_200 = OrphanList.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = Error.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Error.from_dict(response.json())

        return response_401

    if response.status_code == 413:
        response_413 = Error.from_dict(response.json())

        return response_413

    if response.status_code == 500:
        response_500 = Error.from_dict(response.json())

        return response_500

    if response.status_code == 503:
        response_503 = Error.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Error | OrphanList]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    provider: ListOrphansProvider | Unset = UNSET,
    decision: ListOrphansDecision | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[Error | OrphanList]:
    """Resources at the providers that nothing here knows, and what was decided about them

     Resources at the providers that nothing here knows, and what was decided about them.

    Args:
        provider (ListOrphansProvider | Unset):
        decision (ListOrphansDecision | Unset):
        cursor (str | Unset):
        limit (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | OrphanList]
    """

    kwargs = _get_kwargs(
        provider=provider,
        decision=decision,
        cursor=cursor,
        limit=limit,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    provider: ListOrphansProvider | Unset = UNSET,
    decision: ListOrphansDecision | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Error | OrphanList | None:
    """Resources at the providers that nothing here knows, and what was decided about them

     Resources at the providers that nothing here knows, and what was decided about them.

    Args:
        provider (ListOrphansProvider | Unset):
        decision (ListOrphansDecision | Unset):
        cursor (str | Unset):
        limit (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | OrphanList
    """

    return sync_detailed(
        client=client,
        provider=provider,
        decision=decision,
        cursor=cursor,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    provider: ListOrphansProvider | Unset = UNSET,
    decision: ListOrphansDecision | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[Error | OrphanList]:
    """Resources at the providers that nothing here knows, and what was decided about them

     Resources at the providers that nothing here knows, and what was decided about them.

    Args:
        provider (ListOrphansProvider | Unset):
        decision (ListOrphansDecision | Unset):
        cursor (str | Unset):
        limit (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | OrphanList]
    """

    kwargs = _get_kwargs(
        provider=provider,
        decision=decision,
        cursor=cursor,
        limit=limit,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    provider: ListOrphansProvider | Unset = UNSET,
    decision: ListOrphansDecision | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Error | OrphanList | None:
    """Resources at the providers that nothing here knows, and what was decided about them

     Resources at the providers that nothing here knows, and what was decided about them.

    Args:
        provider (ListOrphansProvider | Unset):
        decision (ListOrphansDecision | Unset):
        cursor (str | Unset):
        limit (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | OrphanList
    """

    return (
        await asyncio_detailed(
            client=client,
            provider=provider,
            decision=decision,
            cursor=cursor,
            limit=limit,
        )
    ).parsed
