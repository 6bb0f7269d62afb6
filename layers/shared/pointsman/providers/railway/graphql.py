"""Railway's GraphQL endpoint: operations, errors on HTTP 200, paged connections and verified deletions."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import NamedTuple, TypeVar, cast

from ...concurrent_calls import submit
from ...errors import ProviderRejected
from ...json_values import JsonObject, as_object, as_text
from ..http_client import HttpClient
from ..http_response import ErrorBody, has_error
from ..listing_pages import count_pages
from .errors import parse_graphql_errors

__all__ = ["GraphQLClient", "Operation"]

PAGE_SIZE = 500
"""Rows per page, as many as Railway's CLI requests. Smaller pages of the server are handled too."""


_NO_SUCCESS = "HTTP 200 without the body of a success"

T = TypeVar("T")

RootParser = Callable[[object], T | None]
"""Takes the value of the root field, and returns what the call is for; None if it is not what a success has there."""


class Operation(NamedTuple):
    """A GraphQL document and where its result is.

    `root_field` holds the result. `connection_field` is the paged member of the root
    field (a Relay connection), empty where the root field itself is the connection.
    """

    root_field: str
    document: str
    connection_field: str = ""

    @property
    def step(self) -> str:
        """The operation's name in errors."""
        return self.connection_field or self.root_field


class GraphQLClient:
    """Executes operations over an HTTP client.

    All methods raise ProviderRejected, ProviderUnavailable or ProviderTimeout; their `step` is the operation's
    connection field or else its root field. `secrets` are values that must not stand in an error message.
    """

    def __init__(self, http_client: HttpClient) -> None:
        self._http_client = http_client

    def query(self, operation: Operation, variables: Mapping[str, object], *, parse: RootParser[T]) -> T:
        """Execute a query, with retries, and return what `parse` returns for its root field."""
        return self._http_client.retry(lambda: self._execute_or_raise(operation, variables, parse), idempotent=True)

    def mutate(
        self,
        operation: Operation,
        variables: Mapping[str, object],
        *,
        parse: RootParser[T],
        secrets: Iterable[str] = (),
    ) -> T:
        """Execute a mutation, and return what `parse` returns for its root field.

        It is retried only where nothing was done.
        """
        return self._http_client.retry(
            lambda: self._execute_or_raise(operation, variables, parse, secrets), idempotent=False
        )

    def create(self, operation: Operation, variables: Mapping[str, object], key: str) -> str:
        """Execute a mutation and return this text member of its root field."""
        return self.mutate(operation, variables, parse=lambda root: as_text(as_object(root).get(key)) or None)

    def update(self, operation: Operation, variables: Mapping[str, object], secrets: Iterable[str] = ()) -> None:
        """Execute a mutation whose root field is `true` on success."""
        self.mutate(operation, variables, parse=lambda root: root is True or None, secrets=secrets)

    def delete(self, operation: Operation, variables: Mapping[str, object], still_exists: Callable[[], bool]) -> bool:
        """Execute a deletion; True if Railway says that it is done, False if the resource is missing.

        Observed: Railway answers `Not Authorized` or `Problem processing request` also for a missing resource, so after
        such an error, as after a 2xx without the root field, it counts as missing only if `still_exists` returns False.
        That is a proof only if the listings do not lag any more.
        """
        step = operation.root_field

        def attempt() -> bool:
            try:
                value = self._execute(step, operation, variables, ())
            except ProviderRejected as error:
                if error.reason not in ("unauthorized", "not_found") or still_exists():
                    raise
                return False
            if value is True:
                return True
            error_body = value if isinstance(value, ErrorBody) else ErrorBody("unavailable", message=_NO_SUCCESS)
            if error_body.kind not in ("unauthorized", "not_found", "unavailable") or still_exists():
                raise self._http_client.provider_error(step, 200, error_body)
            return False

        return self._http_client.retry(attempt, idempotent=True)

    def iter_nodes(self, operation: Operation, variables: Mapping[str, object]) -> Iterator[JsonObject]:
        """Yield the nodes of all pages of the operation's connection. The next page is read meanwhile.

        Raises:
            ProviderUnavailable: a page is malformed, or says that there are more pages but has no new cursor.
        """
        cursors = set[str]()
        page = self._read_page(operation, variables, None)
        with ThreadPoolExecutor(max_workers=1) as executor:
            for _ in count_pages(self._http_client, operation.step):
                after = self._find_next_cursor(operation, page, cursors)
                next_page = submit(executor, partial(self._read_page, operation, variables, after)) if after else None
                for edge in cast("list[object]", page["edges"]):
                    node = as_object(as_object(edge).get("node"))
                    if not node:
                        raise self._http_client.unexpected_response(operation.step, "a row without a node")
                    yield node
                if next_page is None:
                    return
                page = next_page.result()

    def _read_page(self, operation: Operation, variables: Mapping[str, object], after: str | None) -> JsonObject:
        def parse_page(root: object) -> JsonObject | None:
            member = as_object(root).get(operation.connection_field) if operation.connection_field else root
            page = as_object(member)
            has_page_info = isinstance(as_object(page.get("pageInfo")).get("hasNextPage"), bool)
            return page if has_page_info and isinstance(page.get("edges"), list) else None

        return self.query(operation, {**variables, "first": PAGE_SIZE, "after": after}, parse=parse_page)

    def _find_next_cursor(self, operation: Operation, page: JsonObject, cursors: set[str]) -> str:
        """Return the cursor of the next page and add it to the known ones; empty after the last page."""
        info = as_object(page["pageInfo"])
        if not info.get("hasNextPage"):
            return ""
        cursor = as_text(info.get("endCursor"))
        # Without a new cursor the pages would not end; to stop here would report the other rows as missing.
        if not cursor or cursor in cursors:
            problem = "there are more pages, but no new cursor leads to them"
            raise self._http_client.unexpected_response(operation.step, problem)
        cursors.add(cursor)
        return cursor

    def iter_unique_nodes(
        self, operation: Operation, variables: Mapping[str, object], key: str, *other_keys: str
    ) -> Iterator[JsonObject]:
        """Yield the nodes of all pages, each value of `key` once; pages shift while rows are added and deleted.

        Raises:
            ProviderUnavailable: also for a node that lacks a text under one of the keys.
        """
        seen: set[str] = set()
        for node in self.iter_nodes(operation, variables):
            if missing := [name for name in (key, *other_keys) if not as_text(node.get(name))]:
                raise self._http_client.unexpected_response(operation.step, f"a row without {missing[0]}")
            value = as_text(node[key])
            if value not in seen:
                seen.add(value)
                yield node

    def _execute_or_raise(
        self,
        operation: Operation,
        variables: Mapping[str, object],
        parse: RootParser[T],
        secrets: Iterable[str] = (),
    ) -> T:
        value = self._execute(operation.step, operation, variables, secrets)
        if isinstance(value, ErrorBody):
            raise self._http_client.provider_error(operation.step, 200, value, secrets)
        result = parse(value)
        if result is None:
            raise self._http_client.unexpected_response(operation.step, _NO_SUCCESS)
        return result

    def _execute(
        self, step: str, operation: Operation, variables: Mapping[str, object], secrets: Iterable[str]
    ) -> object:
        """Return the value of the root field, None without one, or the errors of an HTTP 200, which outweigh the data.

        Railway answers `Not Authorized` with HTTP 200, for an unknown token as for a missing resource. So the token is
        read again, and the operation is repeated once if it has changed.
        """
        value = self._execute_once(step, operation, variables, secrets)
        is_refused = isinstance(value, ErrorBody) and value.kind == "unauthorized"
        if is_refused and self._http_client.take_over_rotated_token():
            return self._execute_once(step, operation, variables, secrets)
        return value

    def _execute_once(
        self, step: str, operation: Operation, variables: Mapping[str, object], secrets: Iterable[str]
    ) -> object:
        body = {"query": operation.document, "variables": variables}
        response = as_object(self._http_client.send(step, "POST", body=body, secrets=secrets).body)
        value = as_object(response.get("data")).get(operation.root_field)
        if not has_error(response):
            return value
        error_body = parse_graphql_errors(response.get("errors"))
        # With data beside it, no text proves that nothing was done.
        return error_body if value is None else replace(error_body, kind="unavailable")
