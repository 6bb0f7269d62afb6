from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error import Error
from ...models.instance_list import InstanceList
from ...models.list_instances_sort import ListInstancesSort
from ...models.list_instances_totals import (
    ListInstancesTotals,
)
from ...models.tool_id import ToolId
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    status: str | Unset = UNSET,
    tool: ToolId | Unset = UNSET,
    search: str | Unset = UNSET,
    sort: ListInstancesSort | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
    totals: ListInstancesTotals | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["status"] = status

    json_tool: str | Unset = UNSET
    if not isinstance(tool, Unset):
        json_tool = tool

    params["tool"] = json_tool

    params["search"] = search

    json_sort: str | Unset = UNSET
    if not isinstance(sort, Unset):
        json_sort = sort

    params["sort"] = json_sort

    params["cursor"] = cursor

    params["limit"] = limit

    json_totals: str | Unset = UNSET
    if not isinstance(totals, Unset):
        json_totals = totals

    params["totals"] = json_totals

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/instances",
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Error | InstanceList | None:
    if response.status_code == 200:
        response_200 = InstanceList.from_dict(response.json())

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
) -> Response[Error | InstanceList]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    status: str | Unset = UNSET,
    tool: ToolId | Unset = UNSET,
    search: str | Unset = UNSET,
    sort: ListInstancesSort | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
    totals: ListInstancesTotals | Unset = UNSET,
) -> Response[Error | InstanceList]:
    """The instances as they are stored, by status, tool and the beginning of their id, in an order

    Args:
        status (str | Unset):
        tool (ToolId | Unset):
        search (str | Unset):
        sort (ListInstancesSort | Unset):
        cursor (str | Unset):
        limit (int | Unset):
        totals (ListInstancesTotals | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | InstanceList]
    """

    kwargs = _get_kwargs(
        status=status,
        tool=tool,
        search=search,
        sort=sort,
        cursor=cursor,
        limit=limit,
        totals=totals,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    status: str | Unset = UNSET,
    tool: ToolId | Unset = UNSET,
    search: str | Unset = UNSET,
    sort: ListInstancesSort | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
    totals: ListInstancesTotals | Unset = UNSET,
) -> Error | InstanceList | None:
    """The instances as they are stored, by status, tool and the beginning of their id, in an order

    Args:
        status (str | Unset):
        tool (ToolId | Unset):
        search (str | Unset):
        sort (ListInstancesSort | Unset):
        cursor (str | Unset):
        limit (int | Unset):
        totals (ListInstancesTotals | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | InstanceList
    """

    return sync_detailed(
        client=client,
        status=status,
        tool=tool,
        search=search,
        sort=sort,
        cursor=cursor,
        limit=limit,
        totals=totals,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    status: str | Unset = UNSET,
    tool: ToolId | Unset = UNSET,
    search: str | Unset = UNSET,
    sort: ListInstancesSort | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
    totals: ListInstancesTotals | Unset = UNSET,
) -> Response[Error | InstanceList]:
    """The instances as they are stored, by status, tool and the beginning of their id, in an order

    Args:
        status (str | Unset):
        tool (ToolId | Unset):
        search (str | Unset):
        sort (ListInstancesSort | Unset):
        cursor (str | Unset):
        limit (int | Unset):
        totals (ListInstancesTotals | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | InstanceList]
    """

    kwargs = _get_kwargs(
        status=status,
        tool=tool,
        search=search,
        sort=sort,
        cursor=cursor,
        limit=limit,
        totals=totals,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    status: str | Unset = UNSET,
    tool: ToolId | Unset = UNSET,
    search: str | Unset = UNSET,
    sort: ListInstancesSort | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
    totals: ListInstancesTotals | Unset = UNSET,
) -> Error | InstanceList | None:
    """The instances as they are stored, by status, tool and the beginning of their id, in an order

    Args:
        status (str | Unset):
        tool (ToolId | Unset):
        search (str | Unset):
        sort (ListInstancesSort | Unset):
        cursor (str | Unset):
        limit (int | Unset):
        totals (ListInstancesTotals | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | InstanceList
    """

    return (
        await asyncio_detailed(
            client=client,
            status=status,
            tool=tool,
            search=search,
            sort=sort,
            cursor=cursor,
            limit=limit,
            totals=totals,
        )
    ).parsed
