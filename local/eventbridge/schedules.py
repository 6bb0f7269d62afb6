"""EventBridge schedules with a `rate(...)` expression, fired on time or on demand."""

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from local.errors import TemplateError
from local.lambda_service.invocation import InvocationResult
from local.template.aws_identifiers import ACCOUNT_ID, REGION
from local.template.sam_template import Schedule

_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
"""Seconds of each unit of a rate expression."""

_RATE_FORMAT = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")

MAX_UNFINISHED = 10
"""Invocations of one schedule that run or wait; an occurrence over that is skipped."""

InvokeFunction = Callable[[str, bytes], Awaitable[InvocationResult]]


def parse_rate(expression: str, location: str) -> timedelta:
    """Parse a rate expression, such as `rate(5 minutes)`, into its interval.

    Args:
        expression: The schedule expression of the template.
        location: Names the schedule in the error message.

    Raises:
        TemplateError: The expression is malformed, or is a `cron(...)` or `at(...)`, which are not supported.
    """
    match = _RATE_FORMAT.fullmatch(expression.strip())
    if match is None or int(match.group(1)) == 0:
        raise TemplateError(
            f"{location}: the schedule {expression!r} is not supported by the local runner; use rate(N minutes),"
            " rate(N hours) or rate(N days)"
        )
    return timedelta(seconds=int(match.group(1)) * _UNITS[match.group(2)])


def build_schedule_payload(schedule: Schedule) -> bytes:
    """Build the payload that a schedule invokes its function with: its Input, or EventBridge's event."""
    if schedule.payload is not None:
        return schedule.payload.encode()
    kind, source = ("schedule", "aws.scheduler") if schedule.uses_eventbridge_scheduler else ("rule", "aws.events")
    service = "scheduler" if schedule.uses_eventbridge_scheduler else "events"
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": source,
        "account": ACCOUNT_ID,
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": [f"arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{kind}/{schedule.function}{schedule.name}"],
        "detail": dict[str, Any](),
    }
    return json.dumps(event).encode()


class Scheduler:
    """Fires the schedules of a template.

    Args:
        schedules: The schedules; disabled ones fire on demand only.
        invoke: Invokes a function by its name with a payload.
        report: Prints a line on the console.

    Raises:
        TemplateError: A schedule, enabled or not, has an expression that is not supported.
    """

    def __init__(self, schedules: Iterable[Schedule], invoke: InvokeFunction, report: Callable[[str], None]) -> None:
        self._invoke = invoke
        self._report = report
        self._schedules = tuple(schedules)
        self._intervals = [parse_rate(item.expression, f"{item.function}.{item.name}") for item in self._schedules]
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> int:
        """Start to fire the enabled schedules on time.

        Returns:
            The number of enabled schedules.
        """
        enabled = [
            (schedule, interval)
            for schedule, interval in zip(self._schedules, self._intervals, strict=True)
            if schedule.enabled
        ]
        for schedule, interval in enabled:
            self._track_task(asyncio.create_task(self._run_schedule(schedule, interval)))
        return len(enabled)

    async def stop(self) -> None:
        """Stop firing, and cancel the invocations that schedules started."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def fire(self, function: str) -> InvocationResult | None:
        """Fire the first schedule of a function now; None if the function has no schedule."""
        for schedule in self._schedules:
            if schedule.function == function:
                return await self._invoke(function, build_schedule_payload(schedule))
        return None

    async def _run_schedule(self, schedule: Schedule, interval: timedelta) -> None:
        due_at = datetime.now(UTC) + interval
        unfinished: set[asyncio.Task[None]] = set()
        while True:
            await asyncio.sleep(max(0.0, (due_at - datetime.now(UTC)).total_seconds()))
            if len(unfinished) < MAX_UNFINISHED:
                task = asyncio.create_task(self._fire_and_report(schedule))
                unfinished.add(task)
                task.add_done_callback(unfinished.discard)
                self._track_task(task)
            else:
                self._report(
                    f"schedule {schedule.function}  skipped: {MAX_UNFINISHED} earlier invocations have not ended"
                )
            # After the machine was suspended, missed occurrences are skipped.
            due_at = max(due_at, datetime.now(UTC) - timedelta(seconds=1)) + interval

    async def _fire_and_report(self, schedule: Schedule) -> None:
        result = await self._invoke(schedule.function, build_schedule_payload(schedule))
        outcome = f"failed: {result.error_type}: {result.error_message}" if result.error else "ok"
        self._report(f"schedule {schedule.function}  {outcome}"[:400])

    def _track_task(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
