"""Advancing a prompt in a forked process that is killed at its nth transaction, and concurrent decisions.

The processes are forked from one that has imported everything, so each costs a few milliseconds.
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

from pointsman.agent.loop.runner import advance_prompt
from pointsman.agent.model import client as client
from pointsman.db import connection
from pointsman.errors import PromptNotFound
from pointsman.prompts import approvals
from tests.prompts.sample_agent import compose

forkserver = multiprocessing.get_context("forkserver")
forkserver.set_forkserver_preload([__name__])

KILLED, ACCEPTED, REFUSED = -signal.SIGKILL, 10, 11


def advance_in_process(
    environment: Mapping[str, str], prompt_id: str, restarts: int, kill_at: int, kill_moment: str
) -> str | None:
    """Advance a prompt and kill the process at its nth transaction.

    Args:
        environment: of the function that advances prompts.
        prompt_id: the prompt.
        restarts: number of the execution.
        kill_at: counted from 1, transactions that only read included; 0 kills nothing.
        kill_moment: "before" or "after" the commit.

    Returns:
        The next step, or None if the process was killed.
    """
    receiver, sender = forkserver.Pipe()
    process = forkserver.Process(
        target=_run_advance, args=(sender, dict(environment), prompt_id, restarts, kill_at, kill_moment)
    )
    process.start()
    sender.close()
    process.join(30)
    assert process.exitcode in (0, KILLED), process.exitcode
    return receiver.recv() if process.exitcode == 0 else None


def start_advance(environment: Mapping[str, str], prompt_id: str, restarts: int) -> BaseProcess:
    """Start an advance; its exit code is 0 when it ends by itself."""
    _, sender = forkserver.Pipe()
    process = forkserver.Process(
        target=_run_advance, args=(sender, dict(environment), prompt_id, restarts, 0, "before")
    )
    process.start()
    sender.close()
    return process


def start_deciders(
    environment: Mapping[str, str], user_id: str, prompt_id: str, call_id: str, count: int
) -> list[BaseProcess]:
    """Start processes that approve or reject a call; their exit codes are ACCEPTED or REFUSED."""
    processes: list[BaseProcess] = []
    for index in range(count):
        args = (dict(environment), user_id, prompt_id, call_id, index % 2 == 0)
        processes.append(forkserver.Process(target=_run_decide, args=args))
    for process in processes:
        process.start()
    return processes


def _run_advance(
    sender: Any, environment: dict[str, str], prompt_id: str, restarts: int, kill_at: int, kill_moment: str
) -> None:
    os.environ.update(environment)
    count = 0
    original_transaction = psycopg.Connection.transaction

    @contextmanager
    def counting_transaction(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        nonlocal count
        with original_transaction(self, *args, **kwargs) as transaction:
            yield transaction
            count += 1
            if count == kill_at and kill_moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    psycopg.Connection.transaction = counting_transaction  # type: ignore[method-assign]
    next_step = advance_prompt(compose(), prompt_id, restarts, time.monotonic() + 1000)["next"]
    connection.close()
    with suppress(BrokenPipeError):
        sender.send(next_step)


def _run_decide(environment: dict[str, str], user_id: str, prompt_id: str, call_id: str, approve: bool) -> None:
    os.environ.update(environment)
    try:
        approvals.decide(user_id, prompt_id, call_id, approve)
    except PromptNotFound:
        os._exit(REFUSED)
    os._exit(ACCEPTED)
