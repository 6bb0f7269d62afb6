from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.create_instance import CreateInstance
from ...models.error import Error
from ...models.instance_created import InstanceCreated
from ...models.started import Started
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: CreateInstance,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/create-instance",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Error | InstanceCreated | Started | None:
    if response.status_code == 200:
        response_200 = InstanceCreated.from_dict(response.json())

        return response_200

    if response.status_code == 202:
        response_202 = Started.from_dict(response.json())

        return response_202

    if response.status_code == 400:
        response_400 = Error.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Error.from_dict(response.json())

        return response_401

    if response.status_code == 409:
        response_409 = Error.from_dict(response.json())

        return response_409

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
) -> Response[Error | InstanceCreated | Started]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: CreateInstance,
    idempotency_key: str | Unset = UNSET,
) -> Response[Error | InstanceCreated | Started]:
    """Begin to create an instance and wait for it

     Answers 202 if it is not finished after 25 s; `GET /operations/{operationId}` tells how far it is
    then.

    Args:
        idempotency_key (str | Unset):
        body (CreateInstance):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | InstanceCreated | Started]
    """

    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: CreateInstance,
    idempotency_key: str | Unset = UNSET,
) -> Error | InstanceCreated | Started | None:
    """Begin to create an instance and wait for it

     Answers 202 if it is not finished after 25 s; `GET /operations/{operationId}` tells how far it is
    then.

    Args:
        idempotency_key (str | Unset):
        body (CreateInstance):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | InstanceCreated | Started
    """

    return sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: CreateInstance,
    idempotency_key: str | Unset = UNSET,
) -> Response[Error | InstanceCreated | Started]:
    """Begin to create an instance and wait for it

     Answers 202 if it is not finished after 25 s; `GET /operations/{operationId}` tells how far it is
    then.

    Args:
        idempotency_key (str | Unset):
        body (CreateInstance):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | InstanceCreated | Started]
    """

    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: CreateInstance,
    idempotency_key: str | Unset = UNSET,
) -> Error | InstanceCreated | Started | None:
    """Begin to create an instance and wait for it

     Answers 202 if it is not finished after 25 s; `GET /operations/{operationId}` tells how far it is
    then.

    Args:
        idempotency_key (str | Unset):
        body (CreateInstance):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | InstanceCreated | Started
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
