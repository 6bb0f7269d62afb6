import asyncio
import json
from datetime import timedelta

import pytest

from local.errors import TemplateError
from local.eventbridge import schedules
from local.eventbridge.schedules import Scheduler, build_schedule_payload, parse_rate
from local.lambda_service.invocation import InvocationResult
from local.template.sam_template import Schedule


@pytest.mark.parametrize(
    ("expression", "interval"),
    [
        ("rate(1 minute)", timedelta(minutes=1)),
        (" rate(2 hours) ", timedelta(hours=2)),
        ("rate(30 days)", timedelta(days=30)),
    ],
)
def test_rate_expression_is_an_interval(expression: str, interval: timedelta) -> None:
    assert parse_rate(expression, "F.E") == interval


@pytest.mark.parametrize(
    "expression", ["rate(0 minutes)", "rate(1 week)", "at(2026-01-01T00:00:00)", "cron(0 3 ? * MON-FRI *)", ""]
)
def test_unsupported_expression_is_refused_by_name_and_says_what_is_supported(expression: str) -> None:
    with pytest.raises(TemplateError, match=r"F\.E: the schedule .* is not supported .*use rate\(N minutes\)"):
        parse_rate(expression, "F.E")


def test_disabled_schedule_with_an_unsupported_expression_is_refused_too() -> None:
    async def invoke(function: str, payload: bytes) -> InvocationResult:
        raise AssertionError(function)

    with pytest.raises(TemplateError, match=r"F\.E: the schedule 'cron"):
        Scheduler([Schedule("E", "F", "cron(0 3 ? * MON-FRI *)", False, None, False)], invoke, lambda text: None)


def test_a_schedule_sends_its_input_or_eventbridges_event() -> None:
    schedule_with_input = Schedule("Cron", "F", "rate(1 minute)", True, '{"a": 1}', False)
    assert json.loads(build_schedule_payload(schedule_with_input)) == {"a": 1}
    event = json.loads(build_schedule_payload(Schedule("Rate", "F", "rate(1 minute)", True, None, True)))
    assert (event["source"], event["detail-type"]) == ("aws.scheduler", "Scheduled Event")


def test_enabled_schedules_fire_on_time_and_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(schedules._UNITS, "minute", 0.02)
    fired: list[str] = []

    async def scenario() -> None:
        enough = asyncio.Event()

        async def invoke(function: str, payload: bytes) -> InvocationResult:
            fired.append(function)
            if len(fired) == 3:
                enough.set()
            return InvocationResult(b"{}", None, "id")

        rates = [
            Schedule("A", "On", "rate(1 minute)", True, None, False),
            Schedule("B", "Off", "rate(1 minute)", False, None, False),
        ]
        scheduler = Scheduler(rates, invoke, lambda text: None)
        assert scheduler.start() == 1
        await asyncio.wait_for(enough.wait(), 10)
        await scheduler.stop()

    asyncio.run(scenario())
    assert set(fired) == {"On"}


@pytest.mark.limit("schedule-invocations")
def test_a_schedule_whose_invocations_do_not_end_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(schedules._UNITS, "minute", 0.02)
    waiting: list[asyncio.Event] = []
    lines: list[str] = []

    async def invoke(function: str, payload: bytes) -> InvocationResult:
        waiting.append(asyncio.Event())
        await waiting[-1].wait()
        return InvocationResult(b"{}", None, "id")

    async def scenario() -> None:
        scheduler = Scheduler([Schedule("A", "F", "rate(1 minute)", True, None, False)], invoke, lines.append)
        scheduler.start()
        while len([line for line in lines if "skipped" in line]) < 3:
            await asyncio.sleep(0.01)
        assert len(waiting) == schedules.MAX_UNFINISHED
        waiting[0].set()
        while len(waiting) == schedules.MAX_UNFINISHED:
            await asyncio.sleep(0.01)
        await scheduler.stop()

    asyncio.run(asyncio.wait_for(scenario(), 20))
