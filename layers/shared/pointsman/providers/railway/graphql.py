"""Railway's GraphQL endpoint: operations, errors on HTTP 200, paged connections and verified deletions."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from ...errors import ProviderRejected, ProviderUnavailable
from ...json_values import JsonObject, as_object, as_objects, as_text
from ..http_client import ErrorBody, HttpClient
from .errors import parse_graphql_errors

__all__ = ["GraphQLClient", "Operation"]

PAGE_SIZE = 500
"""Rows per page, as many as Railway's CLI requests. Smaller pages of the server are handled too."""


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

    def query(self, operation: Operation, variables: Mapping[str, object]) -> object:
        """Execute a query, with retries, and return the value of its root field."""
        return self._http_client.retry(lambda: self._execute_or_raise(operation, variables), idempotent=True)

    def mutate(self, operation: Operation, variables: Mapping[str, object], secrets: Iterable[str] = ()) -> object:
        """Execute a mutation and return the value of its root field. It is retried only where nothing was done."""
        return self._http_client.retry(lambda: self._execute_or_raise(operation, variables, secrets), idempotent=False)

    def create(self, operation: Operation, variables: Mapping[str, object], key: str) -> str:
        """Execute a mutation and return this text member of its root field.

        Raises:
            ProviderUnavailable: the member is missing; the outcome is unknown.
        """
        value = as_text(as_object(self.mutate(operation, variables)).get(key))
        if not value:
            raise self._http_client.unexpected_response(operation.root_field, f"no {key}")
        return value

    def update(self, operation: Operation, variables: Mapping[str, object], secrets: Iterable[str] = ()) -> None:
        """Execute a mutation whose root field is `true` on success."""
        if self.mutate(operation, variables, secrets) is not True:
            raise self._http_client.unexpected_response(operation.root_field, "not true")

    def delete(self, operation: Operation, variables: Mapping[str, object], still_exists: Callable[[], bool]) -> bool:
        """Execute a deletion; True if the resource existed.

        Observed: Railway answers `Not Authorized` or `Problem processing request` also for a missing resource, so an
        ambiguous error counts as missing only if `still_exists` returns False. After an attempt with an unknown
        outcome a missing resource counts as deleted by that attempt.
        """
        step, may_have_deleted = operation.root_field, False

        def attempt() -> bool:
            nonlocal may_have_deleted
            try:
                value = self._execute(step, operation, variables, ())
            except ProviderUnavailable as error:
                may_have_deleted = may_have_deleted or error.outcome_unknown
                raise
            except ProviderRejected as error:
                if error.reason not in ("unauthorized", "not_found") or still_exists():
                    raise
                return may_have_deleted
            if value is True:
                return True
            error_body = value if isinstance(value, ErrorBody) else ErrorBody("unavailable", message="not true")
            if error_body.kind not in ("unauthorized", "not_found", "unavailable") or still_exists():
                raise self._http_client.provider_error(step, 200, error_body)
            return may_have_deleted

        return self._http_client.retry(attempt, idempotent=True)

    def iter_nodes(self, operation: Operation, variables: Mapping[str, object]) -> Iterator[JsonObject]:
        """Yield the nodes of all pages of the operation's connection. The next page is read meanwhile.

        Raises:
            ProviderUnavailable: a page is malformed, or says that there are more pages but has no new cursor.
        """
        cursors = set[str]()
        page = self._read_page(operation, variables, None)
        with ThreadPoolExecutor(max_workers=1) as executor:
            while True:
                after = self._find_next_cursor(operation, page, cursors)
                next_page = executor.submit(self._read_page, operation, variables, after) if after else None
                for edge in as_objects(page["edges"]):
                    if node := as_object(edge.get("node")):
                        yield node
                if next_page is None:
                    return
                page = next_page.result()

    def _read_page(self, operation: Operation, variables: Mapping[str, object], after: str | None) -> JsonObject:
        root = as_object(self.query(operation, {**variables, "first": PAGE_SIZE, "after": after}))
        page = as_object(root.get(operation.connection_field)) if operation.connection_field else root
        if not isinstance(page.get("edges"), list) or not as_object(page.get("pageInfo")):
            raise self._http_client.unexpected_response(operation.step, "no edges or no pageInfo")
        return page

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
        self, operation: Operation, variables: Mapping[str, object], key: str
    ) -> Iterator[JsonObject]:
        """Yield the nodes of all pages, each value of `key` once; pages shift while rows are added and deleted."""
        seen: set[str] = set()
        for node in self.iter_nodes(operation, variables):
            value = as_text(node.get(key))
            if value and value not in seen:
                seen.add(value)
                yield node

    def _execute_or_raise(
        self, operation: Operation, variables: Mapping[str, object], secrets: Iterable[str] = ()
    ) -> object:
        value = self._execute(operation.step, operation, variables, secrets)
        if isinstance(value, ErrorBody):
            raise self._http_client.provider_error(operation.step, 200, value, secrets)
        return value

    def _execute(
        self, step: str, operation: Operation, variables: Mapping[str, object], secrets: Iterable[str]
    ) -> object:
        """Return the value of the root field, or the errors of an HTTP 200. Errors outweigh partial data.

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
        if response.get("errors"):
            return parse_graphql_errors(response["errors"])
        value = as_object(response.get("data")).get(operation.root_field)
        if value is None:
            raise self._http_client.unexpected_response(step, f"no {operation.root_field}")
        return value
