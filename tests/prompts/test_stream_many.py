"""Many prompts at once: the benchmark in a short form, and without its times."""

import asyncio

from benchmarks.prompts import follow_all, order
from local.simulator.client import SimulatorClient
from local.stack import Stack
from tests.prompts.following import fresh_text


def test_twenty_prompts_at_once_complete_each_with_its_own_answer(stack: Stack, simulator: SimulatorClient) -> None:
    run = fresh_text("run")
    order(simulator, 20, 0.2, run)
    seen = asyncio.run(follow_all(stack.url, 20, run))
    assert [one.wrong for one in seen if one.wrong] == []
    assert len(seen) == 20
