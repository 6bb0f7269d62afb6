from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error import Error
from ...models.list_operations_kind import (
    ListOperationsKind,
)
from ...models.list_operations_status import (
    ListOperationsStatus,
)
from ...models.operation_list import OperationList
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    status: ListOperationsStatus | Unset = UNSET,
    kind: ListOperationsKind | Unset = UNSET,
    instance_id: str | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_status: str | Unset = UNSET
    if not isinstance(status, Unset):
        json_status = status

    params["status"] = json_status

    json_kind: str | Unset = UNSET
    if not isinstance(kind, Unset):
        json_kind = kind

    params["kind"] = json_kind

    params["instanceId"] = instance_id

    params["cursor"] = cursor

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/operations",
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Error | OperationList | None:
    if response.status_code == 200:
        response_200 = OperationList.from_dict(response.json())

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


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[Error | OperationList]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    status: ListOperationsStatus | Unset = UNSET,
    kind: ListOperationsKind | Unset = UNSET,
    instance_id: str | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[Error | OperationList]:
    """The operations, the newest first, by status, kind and instance

    Args:
        status (ListOperationsStatus | Unset):
        kind (ListOperationsKind | Unset):
        instance_id (str | Unset):
        cursor (str | Unset):
        limit (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | OperationList]
    """

    kwargs = _get_kwargs(
        status=status,
        kind=kind,
        instance_id=instance_id,
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
    status: ListOperationsStatus | Unset = UNSET,
    kind: ListOperationsKind | Unset = UNSET,
    instance_id: str | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Error | OperationList | None:
    """The operations, the newest first, by status, kind and instance

    Args:
        status (ListOperationsStatus | Unset):
        kind (ListOperationsKind | Unset):
        instance_id (str | Unset):
        cursor (str | Unset):
        limit (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | OperationList
    """

    return sync_detailed(
        client=client,
        status=status,
        kind=kind,
        instance_id=instance_id,
        cursor=cursor,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    status: ListOperationsStatus | Unset = UNSET,
    kind: ListOperationsKind | Unset = UNSET,
    instance_id: str | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[Error | OperationList]:
    """The operations, the newest first, by status, kind and instance

    Args:
        status (ListOperationsStatus | Unset):
        kind (ListOperationsKind | Unset):
        instance_id (str | Unset):
        cursor (str | Unset):
        limit (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | OperationList]
    """

    kwargs = _get_kwargs(
        status=status,
        kind=kind,
        instance_id=instance_id,
        cursor=cursor,
        limit=limit,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    status: ListOperationsStatus | Unset = UNSET,
    kind: ListOperationsKind | Unset = UNSET,
    instance_id: str | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Error | OperationList | None:
    """The operations, the newest first, by status, kind and instance

    Args:
        status (ListOperationsStatus | Unset):
        kind (ListOperationsKind | Unset):
        instance_id (str | Unset):
        cursor (str | Unset):
        limit (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | OperationList
    """

    return (
        await asyncio_detailed(
            client=client,
            status=status,
            kind=kind,
            instance_id=instance_id,
            cursor=cursor,
            limit=limit,
        )
    ).parsed
