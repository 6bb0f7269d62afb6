"""Helpers for starting components at the same time on one event loop."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

S = TypeVar("S")


async def gather_or_cancel(*awaitables: Any) -> list[Any]:
    """Await all at the same time; if one fails, cancel the others and wait for their end before raising.

    `asyncio.gather` would leave the others running, so they could start a component after everything was stopped.
    """
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def run_in_daemon_thread(function: Callable[[S], None], argument: S) -> None:
    """Call a function in a daemon thread and wait for it.

    Unlike `asyncio.to_thread`, a call that cannot be interrupted, such as an import of seconds, does not delay the exit
    of the process.
    """
    loop = asyncio.get_running_loop()
    completion: asyncio.Future[None] = loop.create_future()

    def complete(error: Exception | None) -> None:
        if not completion.done():
            if error is None:
                completion.set_result(None)
            else:
                completion.set_exception(error)

    def run() -> None:
        error: Exception | None = None
        try:
            function(argument)
        except Exception as failure:  # noqa: BLE001 - raised again where it is awaited
            error = failure
        # The loop may be closed by now.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(complete, error)

    threading.Thread(target=run, name=function.__name__, daemon=True).start()
    await completion
