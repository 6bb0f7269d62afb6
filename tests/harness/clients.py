"""HTTP clients of a stack's two APIs, and one request that no client library changes."""

import json
from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import httpx

from .stack import API_KEY

TIMEOUT_SECONDS = 60.0


def open_client(
    url: str, headers: Mapping[str, str] | None = None, transport: httpx.BaseTransport | None = None
) -> httpx.Client:
    """A client without credentials but those in `headers`."""
    # There is no TLS, and reading the certificates for it takes as long as most tests.
    return httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS, verify=False, transport=transport)


def services_client(url: str, api_key: str = API_KEY) -> httpx.Client:
    """The Services API of the stack at `url`."""
    return open_client(url, {"Authorization": f"Bearer {api_key}"})


def agent_client(
    url: str, user_id: str, prefix: str = "/api", transport: httpx.BaseTransport | None = None
) -> httpx.Client:
    """The Agent API of the stack at `url`, for a user."""
    return open_client(url + prefix, {"X-User-Id": user_id}, transport)


def send_request(
    url: str, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], Any]:
    """Send a request whose target goes out exactly as given.

    Returns:
        The status, the headers with lowercase names, and the body: parsed if it is JSON, else bytes.
    """
    connection = HTTPConnection(urlsplit(url).netloc, timeout=40)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        data = response.read()
        try:
            parsed = json.loads(data)
        except ValueError:
            parsed = data
        return response.status, {name.lower(): value for name, value in response.getheaders()}, parsed
    finally:
        connection.close()
