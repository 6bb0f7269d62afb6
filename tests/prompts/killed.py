"""Advancing a prompt in a process of its own that is killed at a certain transaction; and deciding, many at once.

The processes are forked from one that has loaded everything, so each costs a few milliseconds.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from typing import Any

import psycopg

from pointsman.agent.loop.advancing import advance
from pointsman.agent.model import client as client
from pointsman.db import connection
from pointsman.errors import PromptNotFound
from pointsman.prompts import deciding
from tests.prompts.agent_of_tests import compose

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload([__name__])

LOST, WON, REFUSED = -signal.SIGKILL, 10, 11


def advanced(environment: Mapping[str, str], prompt_id: str, restarts: int, kill: int, when: str) -> str | None:
    """What the next advance says; None for one that was killed at its `kill`th transaction, before its commit or after.

    Counted from 1; the transactions that only read count too.
    """
    ours, theirs = context.Pipe()
    process = context.Process(target=_advance, args=(theirs, dict(environment), prompt_id, restarts, kill, when))
    process.start()
    theirs.close()
    process.join(30)
    assert process.exitcode in (0, LOST), process.exitcode
    return ours.recv() if process.exitcode == 0 else None


def begun(environment: Mapping[str, str], prompt_id: str, restarts: int) -> BaseProcess:
    """The next advance, started; its exit code is 0 when it ends by itself."""
    _, theirs = context.Pipe()
    process = context.Process(target=_advance, args=(theirs, dict(environment), prompt_id, restarts, 0, "before"))
    process.start()
    theirs.close()
    return process


def deciders(
    environment: Mapping[str, str], user_id: str, prompt_id: str, call_id: str, number: int
) -> list[BaseProcess]:
    """So many processes that approve or reject a call, started; their exit codes tell WON or REFUSED."""
    processes: list[BaseProcess] = []
    for index in range(number):
        args = (dict(environment), user_id, prompt_id, call_id, index % 2 == 0)
        processes.append(context.Process(target=_decide, args=args))
    for process in processes:
        process.start()
    return processes


def _advance(answer: Any, environment: dict[str, str], prompt_id: str, restarts: int, kill: int, when: str) -> None:
    os.environ.update(environment)
    count = 0
    begin = psycopg.Connection.transaction

    @contextmanager
    def counted(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        nonlocal count
        with begin(self, *args, **kwargs) as transaction:
            yield transaction
            count += 1
            if count == kill and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
        if count == kill:
            os.kill(os.getpid(), signal.SIGKILL)

    psycopg.Connection.transaction = counted  # type: ignore[method-assign]
    said = advance(compose(), prompt_id, restarts, time.monotonic() + 1000)["next"]
    connection.close()
    with suppress(BrokenPipeError):
        answer.send(said)


def _decide(environment: dict[str, str], user_id: str, prompt_id: str, call_id: str, approve: bool) -> None:
    os.environ.update(environment)
    try:
        deciding.decide(user_id, prompt_id, call_id, approve)
    except PromptNotFound:
        os._exit(REFUSED)
    os._exit(WON)
