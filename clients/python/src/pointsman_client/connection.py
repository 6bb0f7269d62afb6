"""What both clients stand on: credentials, the generated client with retries and errors, typed calls, pages."""

import ssl
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, ParamSpec, Protocol, TypeVar
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from .errors import UNEXPECTED_RESPONSE, PointsmanError, build_response_error
from .generated import AuthenticatedClient
from .generated.types import UNSET, Unset
from .retries import AsyncRetryTransport, IsRepeatable, RetryPolicy, RetryTransport

__all__ = [
    "Credential",
    "build_bearer",
    "call",
    "call_async",
    "get_or_unset",
    "iterate_pages",
    "open_client",
    "require_path_segment",
]

P = ParamSpec("P")
T = TypeVar("T")

CONNECT_SECONDS = 10.0
_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


class Credential(httpx.Auth):
    """Headers that identify the caller, kept out of every `repr`.

    Args:
        headers: their values by name; None leaves one out.

    Raises:
        ValueError: a value that no header can hold, such as one with a line break; the message does not show it.
    """

    def __init__(self, headers: Mapping[str, str | None]) -> None:
        self._headers = {name: value for name, value in headers.items() if value is not None}
        for name, value in self._headers.items():
            if not value or not value.isascii() or not value.isprintable() or value != value.strip():
                raise ValueError(f"{name}: the value is empty, or has characters that a header cannot hold")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._headers)})"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Add the headers."""
        request.headers.update(self._headers)
        yield request


def build_bearer(secret: str | None) -> str | None:
    """Return the value of `Authorization` for a key or a token. One that is empty makes a value that is refused."""
    return None if secret is None else f"Bearer {secret}"


def open_client(
    base_url: str,
    credential: Credential,
    *,
    policy: RetryPolicy,
    is_repeatable: IsRepeatable,
    timeout: float,
    verify: bool | ssl.SSLContext,
    prefix: tuple[str, str] = ("", ""),
) -> AuthenticatedClient:
    """Make the generated client, with sync and async requests that are repeated and raise `PointsmanError`.

    Args:
        base_url: such as `https://agents.example.org`.
        credential: added to each request. The generated client has none of it.
        policy: how often requests are repeated.
        is_repeatable: see `RetryTransport`.
        timeout: seconds without a byte of the answer.
        verify: how TLS certificates are verified, as httpx takes it.
        prefix: the beginning of the document's paths, and what the server has in its place.

    Raises:
        ValueError: the address is none.
    """
    url = urlsplit(base_url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(f"{base_url!r} is no address: it must begin with https:// or http://")
    # One context for both clients, for it takes 20 ms. A client with a transport of its own reads no environment.
    context = httpx.create_ssl_context() if verify is True else verify
    connect: dict[str, Any] = {"verify": context, "proxy": _find_proxy(url)}
    set_prefix = _PrefixHook(base_url, *prefix)
    options: dict[str, Any] = {
        "base_url": base_url.rstrip("/"),
        "auth": credential,
        "timeout": httpx.Timeout(timeout, connect=CONNECT_SECONDS),
    }
    # The token is not used: the clients that are set below authenticate each request.
    client = AuthenticatedClient(base_url=options["base_url"], token="")
    client.set_httpx_client(
        httpx.Client(
            transport=RetryTransport(policy, is_repeatable, httpx.HTTPTransport(**connect)),
            event_hooks={"request": [set_prefix], "response": [_raise_error]},
            **options,
        )
    )
    client.set_async_httpx_client(
        httpx.AsyncClient(
            transport=AsyncRetryTransport(policy, is_repeatable, httpx.AsyncHTTPTransport(**connect)),
            event_hooks={"request": [set_prefix.run_async], "response": [_raise_error_async]},
            **options,
        )
    )
    return client


def _find_proxy(url: SplitResult) -> str | None:
    """Return the proxy that the environment names for an address (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, …)."""
    host, proxies = url.hostname or "", getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or host in _LOOPBACK_HOSTS or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


class _PrefixHook:
    """Replaces the beginning of a request's path."""

    def __init__(self, base_url: str, document_prefix: str, prefix: str) -> None:
        base = httpx.URL(base_url).raw_path.rstrip(b"/")
        self._document_prefix, self._prefix = base + document_prefix.encode(), base + prefix.encode()

    def __call__(self, request: httpx.Request) -> None:
        path = request.url.raw_path
        if self._prefix != self._document_prefix and path.startswith(self._document_prefix):
            rest = path.removeprefix(self._document_prefix)
            request.url = request.url.copy_with(raw_path=self._prefix + rest)

    async def run_async(self, request: httpx.Request) -> None:
        self(request)


def _raise_error(response: httpx.Response) -> None:
    if response.status_code >= 300:
        response.read()
        raise build_response_error(response)


async def _raise_error_async(response: httpx.Response) -> None:
    if response.status_code >= 300:
        await response.aread()
        raise build_response_error(response)


def call(function: Callable[P, object], result: type[T] | tuple[type[T], ...], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a generated function, as `call(get_instance.sync, InstanceDetails, "agent-7", client=client)`.

    Args:
        function: the generated function.
        result: the class, or the classes, that its result must have.
        *args: its arguments that are parts of the path.
        **kwargs: its arguments.

    Raises:
        PointsmanError: the request did not succeed, or its answer is not as the document says.
    """
    _require_path_segments(args)
    try:
        return _require(result, function(*args, **kwargs))
    except (KeyError, TypeError, ValueError) as error:
        raise _build_shape_error(error) from error


async def call_async(
    function: Callable[P, Awaitable[object]], result: type[T] | tuple[type[T], ...], *args: P.args, **kwargs: P.kwargs
) -> T:
    """`call` for a generated coroutine function."""
    _require_path_segments(args)
    try:
        return _require(result, await function(*args, **kwargs))
    except (KeyError, TypeError, ValueError) as error:
        raise _build_shape_error(error) from error


def require_path_segment(value: str) -> str:
    """Return an id, which must not lead to another path: `..` would make the deletion of a tool that of its instance.

    Raises:
        PointsmanError: it would.
    """
    if value in ("", ".", ".."):
        raise PointsmanError(f"{value!r} is no id", code="INVALID_INPUT")
    return value


def _require_path_segments(values: Iterable[object]) -> None:
    for value in values:
        if isinstance(value, str):
            require_path_segment(value)


def _require(result: type[T] | tuple[type[T], ...], value: object) -> T:
    if isinstance(value, result):
        return value
    raise TypeError(f"a {type(value).__name__} came in place of {result}")


def _build_shape_error(error: Exception) -> PointsmanError:
    message = f"The answer is not as the API's document says, which may be of another version ({error!r})"
    return PointsmanError(message, code=UNEXPECTED_RESPONSE)


class Page(Protocol):
    """A page of a list."""

    @property
    def next_cursor(self) -> str | Unset:
        """The cursor of the next page, if there is one."""
        ...


PageType = TypeVar("PageType", bound=Page)


def iterate_pages(load: Callable[[str | Unset], PageType]) -> Iterator[PageType]:
    """Load one page after the other, each when it is needed.

    Args:
        load: loads the page at a cursor.
    """
    cursor: str | Unset = UNSET
    while True:
        page = load(cursor)
        yield page
        cursor = page.next_cursor
        if not cursor:
            return


def get_or_unset(value: T | None) -> T | Unset:
    """Return the value for a generated function, which takes UNSET where nothing is given."""
    return UNSET if value is None else value
