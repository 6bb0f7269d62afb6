"""`python -m local migrate`: the migrate function once, with no more around it than it needs.

Where a runner holds the data folder already, it is invoked there instead.
"""

import asyncio
import json
import signal
import time
from collections.abc import Iterator, Mapping
from typing import Any

from local.asking import ask
from local.console import Console
from local.errors import RunnerError
from local.functions import LambdaService
from local.invocation import Result
from local.lock import Held
from local.parts import MIGRATE, Parts, migrations_of, together
from local.plain import items, mapping
from local.settings import Settings
from local.template import Template

_START_LIMIT = 90.0
# More than the function's own timeout.
_ANSWER_LIMIT = 330.0


def migrate(settings: Settings, drop: bool) -> None:
    """Run it and print its report; `drop` drops the legacy columns too.

    Raises:
        RunnerError: in one line, what is wrong; nothing is left running.
    """
    console = Console(requests=False)
    payload = json.dumps({"drop": drop}).encode()
    deadline = time.monotonic() + _START_LIMIT
    told = False
    while True:
        try:
            result = asyncio.run(_alone(settings, console, payload))
            break
        except Held as other:
            if other.url is not None:
                result = _beside(other.url, settings, console, payload)
                break
            if time.monotonic() > deadline:
                raise
            if not told:
                console.say(f"  waiting for another Pointsman that is starting and holds {settings.data}")
                told = True
        time.sleep(0.2)
    if result.error is not None:
        raise RunnerError(f"the migration failed: {result.error_type}: {result.error_message}")
    for line in _report(mapping(json.loads(result.payload))):
        console.say(line)


class _Migration(Parts):
    """Postgres, the simulator if the backfill may ask it, and the migrate function."""

    async def _start(self) -> None:
        settings = self.settings
        path = settings.root / "template.yaml"
        Template.load(path, settings.environment)
        self._hold()
        self._guard()
        self.database_url, self.simulator_url = await together(self._database(), self._simulators(_asks(settings)))
        template = Template.load(path, settings.function_overrides(self.database_url, self.simulator_url))
        self._names = migrations_of(template)
        chosen = {name: template.functions[name] for name in self._names}
        logs = settings.data / "logs"
        # What it says of a failure is told once, by whoever invokes it; it asks nothing of AWS.
        self._functions = LambdaService(chosen, "", logs, self._warden, lambda _line: None)
        await self._functions.start()
        self._exit.push_async_callback(self._functions.stop)

    async def invoke(self, payload: bytes) -> Result:
        """Invoke the function; its answer."""
        if not self._names:
            raise RunnerError(f"no function of the template has the handler {MIGRATE}")
        return await self._timed("migration", self._functions.invoke(self._names[0], payload))


async def _alone(settings: Settings, console: Console, payload: bytes) -> Result:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    parts = _Migration(settings, console)
    try:
        await parts.start()
        return await parts.invoke(payload)
    except asyncio.CancelledError:
        raise RunnerError("stopped before the migration was done") from None
    finally:
        await parts.stop()


def _asks(settings: Settings) -> bool:
    """Whether a backfill would ask the simulator for Railway's volumes."""
    simulated = settings.provider_states()["railway"] == "simulated"
    return simulated and settings.pool_url is not None and not settings.environment.get("RAILWAY_API_URL")


def _beside(url: str, settings: Settings, console: Console, payload: bytes) -> Result:
    status = ask("GET", f"{url}/_local/status", None, 5.0)[0]
    there = mapping(status.get("databases"))
    for name, ours in settings.databases().items():
        if ours is not None and ours != there.get(name):
            raise RunnerError(
                f"the Pointsman that serves {url} and holds {settings.data} migrates other databases than this"
                f" environment says ({name}: {there.get(name) or 'none'}, not {ours}): stop it, or set POINTSMAN_DATA"
            )
    functions = mapping(status.get("functions"))
    name = next((name for name, one in functions.items() if mapping(one).get("handler") == MIGRATE), None)
    if name is None:
        raise RunnerError(f"the Pointsman that serves {url} has no function with the handler {MIGRATE}")
    console.say(f"  in the Pointsman that serves {url}, with its settings")
    answer, error = ask("POST", f"{url}/_local/invoke/{name}", payload, _ANSWER_LIMIT)
    return Result(json.dumps(answer).encode(), error, "")


def _report(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"  schema      {report.get('from') or 'nothing'} → {report.get('to')}"
    done = mapping(report.get("backfilled"))
    if done:
        yield f"  backfilled  {done.get('instances')} instances, {done.get('tools')} tools"
        completed, without = done.get("volumesCompleted"), done.get("withoutVolume")
        yield f"  volumes     {completed} completed from Railway; {without} instances have none"
    for database, names in mapping(report.get("dropped")).items():
        yield f"  dropped     {database}: {', '.join(map(str, items(names))) or 'nothing'}"
    for note in filter(None, str(report.get("note") or "").split("; ")):
        yield f"  note        {note}"
