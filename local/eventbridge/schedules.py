"""EventBridge's schedules: rate(...) and cron(...) in UTC, on time or on demand."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from local.api_gateway.http_api_events import build_schedule_payload
from local.errors import TemplateError
from local.lambda_service.invocation import InvocationResult
from local.template.sam_template import Schedule

_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_CRON_FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day", 1, 31),
    ("month", 1, 12),
    ("weekday", 1, 7),
    ("year", 1970, 2199),
)
_CRON_NAMES = {
    "month": ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    "weekday": ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
}
InvokeFunction = Callable[[str, bytes], Awaitable[InvocationResult]]


class Timetable(Protocol):
    """When a schedule fires."""

    def next_after(self, moment: datetime) -> datetime:
        """The next time after a moment."""
        ...


class Rate:
    """Every so many seconds."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds

    def next_after(self, moment: datetime) -> datetime:
        """The next time after a moment."""
        return moment + timedelta(seconds=self.seconds)


class Cron:
    """EventBridge's six fields, each as the set of values that it allows."""

    def __init__(self, allowed: dict[str, frozenset[int]]) -> None:
        self._allowed = allowed

    def next_after(self, moment: datetime) -> datetime:
        """The next whole minute after a moment that all fields allow; a year ahead if there is none."""
        end = moment + timedelta(days=366)
        moment = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        while moment < end:
            if not self._is_allowed_day(moment):
                moment = moment.replace(hour=0, minute=0) + timedelta(days=1)
            elif moment.hour not in self._allowed["hour"]:
                moment = moment.replace(minute=0) + timedelta(hours=1)
            elif moment.minute not in self._allowed["minute"]:
                moment += timedelta(minutes=1)
            else:
                return moment
        return end

    def _is_allowed_day(self, moment: datetime) -> bool:
        # Python counts Monday as 0, EventBridge Sunday as 1.
        weekday = (moment.weekday() + 1) % 7 + 1
        values = {"day": moment.day, "month": moment.month, "weekday": weekday, "year": moment.year}
        return all(value in self._allowed[name] for name, value in values.items())


def parse_expression(expression: str, location: str) -> Timetable:
    """Read a schedule expression.

    Raises:
        TemplateError: it is none, or uses what the runner does not know (L, W, #, at(...)).
    """
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression.strip())
    if rate is not None and int(rate.group(1)) > 0:
        return Rate(int(rate.group(1)) * _UNITS[rate.group(2)])
    cron = re.fullmatch(r"cron\(([^)]*)\)", expression.strip())
    field_texts = cron.group(1).split() if cron else []
    if len(field_texts) != len(_CRON_FIELDS):
        raise TemplateError(f"{location}: the schedule {expression!r} is not supported by the local runner")
    try:
        fields = zip(_CRON_FIELDS, field_texts, strict=True)
        return Cron({name: _parse_field(name, low, high, text) for (name, low, high), text in fields})
    except ValueError:
        raise TemplateError(f"{location}: the schedule {expression!r} is not supported by the local runner") from None


def _parse_field(name: str, low: int, high: int, text: str) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span in ("*", "?"):
            first, last = low, high
        else:
            start, _, stop = span.partition("-")
            first = _parse_number(name, start)
            last = _parse_number(name, stop) if stop else (high if step else first)
        if not low <= first <= last <= high:
            raise ValueError(text)
        values.update(range(first, last + 1, int(step) if step else 1))
    return frozenset(values)


def _parse_number(name: str, text: str) -> int:
    names = _CRON_NAMES.get(name, [])
    return names.index(text.upper()) + 1 if text.upper() in names else int(text)


class Scheduler:
    """Fires the template's schedules.

    Args:
        schedules: disabled ones fire only on demand.
        invoke: invokes a function.
        report: shows a short line.
    """

    def __init__(self, schedules: Iterable[Schedule], invoke: InvokeFunction, report: Callable[[str], None]) -> None:
        self._invoke = invoke
        self._report = report
        self._schedules = tuple(schedules)
        self._timetables = [
            (item, parse_expression(item.expression, f"{item.function}.{item.name}")) for item in self._schedules
        ]
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> int:
        """Begin to fire on time.

        Returns:
            How many will.
        """
        enabled = [(schedule, timetable) for schedule, timetable in self._timetables if schedule.enabled]
        for schedule, timetable in enabled:
            self._track_task(asyncio.create_task(self._run_schedule(schedule, timetable)))
        return len(enabled)

    async def stop(self) -> None:
        """Fire no more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def fire(self, function: str) -> InvocationResult | None:
        """Fire the first schedule of a function now; None if it has none."""
        for schedule in self._schedules:
            if schedule.function == function:
                return await self._invoke(function, build_schedule_payload(schedule))
        return None

    async def _run_schedule(self, schedule: Schedule, timetable: Timetable) -> None:
        due_at = timetable.next_after(datetime.now(UTC))
        while True:
            await asyncio.sleep(max(0.0, (due_at - datetime.now(UTC)).total_seconds()))
            self._track_task(asyncio.create_task(self._fire_and_report(schedule)))
            due_at = timetable.next_after(max(due_at, datetime.now(UTC) - timedelta(seconds=1)))

    async def _fire_and_report(self, schedule: Schedule) -> None:
        result = await self._invoke(schedule.function, build_schedule_payload(schedule))
        outcome = f"failed: {result.error_type}: {result.error_message}" if result.error else "ok"
        self._report(f"schedule {schedule.function}  {outcome}"[:400])

    def _track_task(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
