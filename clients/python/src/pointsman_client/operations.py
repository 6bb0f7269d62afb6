"""The operations of the Services API: what creates and destroys, in steps, over one request or many."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, Self, TypeVar

from .connection import call, get_or_unset, iterate_pages
from .errors import OperationFailed, PointsmanError, WaitTimeout
from .generated import AuthenticatedClient
from .generated.api.services_api import abandon_operation, get_operation, list_operations, retry_operation
from .generated.models import (
    ListOperationsKind,
    ListOperationsStatus,
    OperationList,
    OperationPage,
    OperationSummary,
    Started,
)

__all__ = ["WAIT_SECONDS", "OperationMethods"]

WAIT_SECONDS = 1200.0
"""How long an operation is waited for unless the caller says otherwise."""
_FIRST_POLL_SECONDS = 0.5
_LONGEST_POLL_SECONDS = 5.0


class Result(Protocol):
    """A generated model."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read it from JSON."""
        ...


T = TypeVar("T", bound=Result)


class OperationMethods:
    """The methods of a client of the Services API that are about operations.

    Args:
        client: the generated client.
    """

    def __init__(self, client: AuthenticatedClient) -> None:
        self.client = client

    def list_operations(
        self,
        *,
        status: ListOperationsStatus | None = None,
        kind: ListOperationsKind | None = None,
        instance_id: str | None = None,
    ) -> Iterator[OperationSummary]:
        """Iterate over the operations, the newest first. `leaked` ones are what still costs money."""
        for page in iterate_pages(
            lambda cursor: call(
                list_operations.sync,
                OperationList,
                client=self.client,
                status=get_or_unset(status),
                kind=get_or_unset(kind),
                instance_id=get_or_unset(instance_id),
                cursor=cursor,
            )
        ):
            yield from page.operations

    def get_operation(self, operation_id: str) -> OperationPage:
        """Return an operation with its steps."""
        return call(get_operation.sync, OperationPage, operation_id, client=self.client)

    def watch_operation(self, operation_id: str, *, timeout: float = WAIT_SECONDS) -> Iterator[OperationPage]:
        """Iterate over an operation's states, each time that something has changed; the last one has ended.

        Args:
            operation_id: its id.
            timeout: seconds to wait for the end.

        Raises:
            WaitTimeout: the operation goes on.
        """
        deadline, pause = time.monotonic() + timeout, _FIRST_POLL_SECONDS
        shown: OperationPage | None = None
        while True:
            page = self.get_operation(operation_id)
            if page != shown:
                yield page
                shown = page
            if page.status != "running":
                return
            left = deadline - time.monotonic()
            if left <= 0:
                raise WaitTimeout(
                    f"{operation_id} still runs after {timeout:g} s, and goes on", operationId=operation_id
                )
            time.sleep(min(pause, left))
            pause = min(pause * 1.3, _LONGEST_POLL_SECONDS)

    def wait_for_operation(self, operation_id: str, *, timeout: float = WAIT_SECONDS) -> OperationPage:
        """Wait until an operation has succeeded, and return it with its result.

        Args:
            operation_id: its id.
            timeout: seconds to wait.

        Raises:
            OperationFailed: it has not.
            WaitTimeout: the operation goes on.
        """
        for page in self.watch_operation(operation_id, timeout=timeout):
            if page.status == "succeeded":
                return page
            if page.status != "running":
                raise OperationFailed(page)
        raise AssertionError("an operation that is watched ends, or is waited for too long")

    def retry_operation(
        self, operation_id: str, *, idempotency_key: str | None = None, timeout: float = WAIT_SECONDS
    ) -> OperationPage:
        """Run a `leaked` operation again, and wait for its end.

        Returns:
            The operation: `succeeded`, or, of one that is undone now, `failed` with nothing left.

        Raises:
            OperationFailed: something is left still.
            WaitTimeout: the operation goes on.
        """
        key = get_or_unset(idempotency_key)
        answer = call(
            retry_operation.sync, (OperationPage, Started), operation_id, client=self.client, idempotency_key=key
        )
        pages = [answer] if isinstance(answer, OperationPage) else []
        if not pages or pages[-1].status == "running":
            pages = [*self.watch_operation(operation_id, timeout=timeout)]
        page = pages[-1]
        if page.status == "leaked":
            raise OperationFailed(page)
        return page

    def abandon_operation(self, operation_id: str, *, idempotency_key: str | None = None) -> OperationPage:
        """Give up what a `leaked` operation has left, which then nobody deletes any more."""
        key = get_or_unset(idempotency_key)
        return call(abandon_operation.sync, OperationPage, operation_id, client=self.client, idempotency_key=key)

    def _operate(self, send: Callable[[], T | Started], result: type[T], timeout: float) -> T:
        """Send what begins an operation, and wait for its result.

        Raises:
            OperationFailed: the operation has failed, before or after the first answer.
            WaitTimeout: the operation goes on.
        """
        try:
            answer = send()
        except PointsmanError as error:
            operation_id = error.details.get("operationId")
            if error.details.get("status") not in ("failed", "leaked") or not isinstance(operation_id, str):
                raise
            page = self.get_operation(operation_id)
            raise OperationFailed(page, status=error.status, request_id=error.request_id) from error
        if not isinstance(answer, Started):
            return answer
        page = self.wait_for_operation(answer.operation_id, timeout=timeout)
        return result.from_dict(page.to_dict()["result"])
