"""Concurrent prompts: a short form of the benchmark, without its measurements."""

import asyncio

from benchmarks.concurrent_prompts import script_answers, submit_all
from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.prompts.prompt_stream import unique_text


def test_twenty_concurrent_prompts_complete_with_their_own_answers(stack: Stack, simulator: SimulatorClient) -> None:
    run = unique_text("run")
    script_answers(simulator, 20, 0.2, run)
    outcomes = asyncio.run(submit_all(stack.url, 20, run))
    assert [outcome.problem for outcome in outcomes if outcome.problem] == []
    assert len(outcomes) == 20
