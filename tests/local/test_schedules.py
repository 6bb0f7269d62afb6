import asyncio
from datetime import UTC, datetime

import pytest

from local.errors import TemplateError
from local.eventbridge.schedules import Scheduler, parse_expression
from local.lambda_service.invocation import InvocationResult
from local.template.sam_template import Schedule


def find_next_time(expression: str, moment: str) -> str:
    next_time = parse_expression(expression, "F").next_after(datetime.fromisoformat(moment).replace(tzinfo=UTC))
    return f"{next_time:%Y-%m-%dT%H:%M:%S}"


@pytest.mark.parametrize(
    ("expression", "moment", "expected"),
    [
        ("rate(1 minute)", "2026-01-01T00:00:30", "2026-01-01T00:01:30"),
        ("rate(2 hours)", "2026-01-01T00:00:30", "2026-01-01T02:00:30"),
        ("cron(0 3 * * ? *)", "2026-01-01T03:00:00", "2026-01-02T03:00:00"),
        ("cron(0/15 * * * ? *)", "2026-01-01T03:16:00", "2026-01-01T03:30:00"),
        ("cron(0 12 ? * MON-FRI *)", "2026-01-03T00:00:00", "2026-01-05T12:00:00"),
        ("cron(30 6 1 JAN,JUL ? *)", "2026-01-02T00:00:00", "2026-07-01T06:30:00"),
    ],
)
def test_the_next_time(expression: str, moment: str, expected: str) -> None:
    assert find_next_time(expression, moment) == expected


@pytest.mark.parametrize(
    "expression", ["rate(0 minutes)", "at(2026-01-01T00:00:00)", "cron(0 3 L * ? *)", "cron(61 * * * ? *)"]
)
def test_what_is_not_known_is_refused_by_name(expression: str) -> None:
    with pytest.raises(TemplateError, match=r"F: the schedule"):
        parse_expression(expression, "F")


def test_enabled_schedules_fire_on_time_and_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(parse_expression.__globals__["_UNITS"], "minute", 0.02)
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
        schedules = Scheduler(rates, invoke, lambda text: None)
        assert schedules.start() == 1
        await asyncio.wait_for(enough.wait(), 10)
        await schedules.stop()

    asyncio.run(scenario())
    assert set(fired) == {"On"}
