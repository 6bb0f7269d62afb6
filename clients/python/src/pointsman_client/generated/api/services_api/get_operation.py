from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error import Error
from ...models.get_operation_resources import (
    GetOperationResources,
)
from ...models.operation_page import OperationPage
from ...types import UNSET, Response, Unset


def _get_kwargs(
    operation_id: str,
    *,
    resources: GetOperationResources | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_resources: str | Unset = UNSET
    if not isinstance(resources, Unset):
        json_resources = resources

    params["resources"] = json_resources

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/operations/{operation_id}".format(
            operation_id=quote(str(operation_id), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Error | OperationPage | None:
    if response.status_code == 200:
        response_200 = OperationPage.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = Error.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Error.from_dict(response.json())

        return response_401

    if response.status_code == 404:
        response_404 = Error.from_dict(response.json())

        return response_404

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
) -> Response[Error | OperationPage]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    operation_id: str,
    *,
    client: AuthenticatedClient,
    resources: GetOperationResources | Unset = UNSET,
) -> Response[Error | OperationPage]:
    """How far an operation is, step by step, and what it has at the providers

    Args:
        operation_id (str):
        resources (GetOperationResources | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | OperationPage]
    """

    kwargs = _get_kwargs(
        operation_id=operation_id,
        resources=resources,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    operation_id: str,
    *,
    client: AuthenticatedClient,
    resources: GetOperationResources | Unset = UNSET,
) -> Error | OperationPage | None:
    """How far an operation is, step by step, and what it has at the providers

    Args:
        operation_id (str):
        resources (GetOperationResources | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | OperationPage
    """

    return sync_detailed(
        operation_id=operation_id,
        client=client,
        resources=resources,
    ).parsed


async def asyncio_detailed(
    operation_id: str,
    *,
    client: AuthenticatedClient,
    resources: GetOperationResources | Unset = UNSET,
) -> Response[Error | OperationPage]:
    """How far an operation is, step by step, and what it has at the providers

    Args:
        operation_id (str):
        resources (GetOperationResources | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | OperationPage]
    """

    kwargs = _get_kwargs(
        operation_id=operation_id,
        resources=resources,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    operation_id: str,
    *,
    client: AuthenticatedClient,
    resources: GetOperationResources | Unset = UNSET,
) -> Error | OperationPage | None:
    """How far an operation is, step by step, and what it has at the providers

    Args:
        operation_id (str):
        resources (GetOperationResources | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | OperationPage
    """

    return (
        await asyncio_detailed(
            operation_id=operation_id,
            client=client,
            resources=resources,
        )
    ).parsed
