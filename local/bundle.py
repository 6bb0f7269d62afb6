"""Starts the parts in the order they need each other, as much at once as can be, and stops them the other way round."""

import asyncio
import json
import os
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from local.aws import Aws
from local.console import Console
from local.control import Control
from local.errors import RunnerError
from local.functions import LambdaService
from local.gateway import Gateway
from local.lock import bind, origin, taken
from local.parts import Parts, migrations_of, together
from local.reload import Reload
from local.routes import match
from local.schedules import Schedules
from local.settings import Settings, without_password
from local.template import Template

S = TypeVar("S")


class Bundle(Parts):
    """Everything that runs, on one event loop; `Stack` is the way to it from ordinary code."""

    def __init__(self, settings: Settings, console: Console) -> None:
        super().__init__(settings, console)
        self.url = ""
        self._began = time.monotonic()
        self._started = time.time()
        self.watching = asyncio.Event()

    async def _start(self) -> None:
        settings = self.settings
        path = settings.root / "template.yaml"
        draft = Template.load(path, settings.environment)
        self._hold()
        listener = bind(settings.host, settings.port)
        self._exit.callback(listener.close)
        self._guard()
        self.aws = Aws(settings.data / "logs" / "moto.log")
        self._exit.push_async_callback(asyncio.to_thread, self.aws.stop)
        loading = asyncio.create_task(self._timed("AWS (moto)", _in_background(self.aws.load, draft.state_machines)))
        self._exit.callback(loading.cancel)
        self.database_url, self.simulator_url = await together(
            self._database(), self._simulators(settings.needs_simulator())
        )
        self.template = Template.load(path, settings.function_overrides(self.database_url, self.simulator_url))
        logs = settings.data / "logs"
        self.functions = LambdaService(
            self.template.functions, self.aws.url, logs, self._warden, self.console.warn, settings.concurrency,
            settings.stream_concurrency,
        )  # fmt: skip
        await self.functions.start()
        self._exit.push_async_callback(self.functions.stop)
        self.aws.connect(self.functions, asyncio.get_running_loop())
        self.schedules = Schedules(self.template.schedules, self.functions.invoke, self.console.say)
        await together(self._migrate(), self._warm_health(), loading)
        await self._open(listener, draft)
        self._banner()

    async def _migrate(self) -> None:
        for name in migrations_of(self.template):
            result = await self._timed("migrations", self.functions.invoke(name, b"{}"))
            if result.error is not None:
                log = self.settings.data / "logs" / f"{name}.log"
                reason = f"{result.error_type}: {result.error_message}"[:400]
                raise RunnerError(f"the migrations failed: {reason} (see {log})")

    async def _warm_health(self) -> None:
        found = match(self.template.routes, "GET", "/healthz")
        if found is not None:
            await self._timed("first function", self.functions.prewarm([found.route.function]))

    async def _open(self, listener: socket.socket, draft: Template) -> None:
        settings = self.settings
        control = Control(self.functions, self.schedules, self.status)
        gateway = Gateway(self.template, self.functions, self.console, settings.integration_limit, control)
        port = int(listener.getsockname()[1])
        try:
            await gateway.start(listener)
        except OSError as error:
            raise RunnerError(await asyncio.to_thread(taken, settings.host, port, error)) from None
        self._exit.push_async_callback(gateway.stop)
        self.url = origin(settings.host, port)
        if any(route.path == "/healthz" for route in draft.routes):
            await asyncio.to_thread(check_health, self.url, settings.data / "logs")
        self._lock.describe(self.url)
        self._exit.push_async_callback(self.schedules.stop)
        if settings.schedules:
            self.schedules.start()
        reload = Reload(self.template, self.functions, self.aws, self.console, self.watching.set)
        self._exit.push_async_callback(reload.stop)
        reload.start()

    async def prewarm(self, names: Iterable[str] | None) -> None:
        """Load now what the first calls would wait for, one after the other."""
        await together(self.functions.prewarm(names), asyncio.to_thread(self.aws.warm))

    def status(self) -> dict[str, Any]:
        """What runs, as plain data without a secret."""
        return {
            "pointsman": {
                "pid": os.getpid(),
                "root": str(self.settings.root),
                "data": str(self.settings.data),
                "url": self.url,
                "startedAt": self._started,
            },
            "aws": self.aws.url,
            "simulator": self.simulator_url,
            "processes": {
                "postgres": self._postgres.pid if self._postgres else None,
                "simulator": self._simulator.pid if self._simulator else None,
            },
            "providers": self.settings.provider_states(),
            "databases": self.settings.databases(),
            "functions": self.functions.status(),
            "stateMachines": {machine.name: machine.arn for machine in self.template.state_machines},
            "schedules": [
                {"function": item.function, "name": item.name, "expression": item.expression, "enabled": item.enabled}
                for item in self.template.schedules
            ],
        }

    def _banner(self) -> None:
        settings, say = self.settings, self.console.say
        say(f"Pointsman is ready on {self.url}  ({time.monotonic() - self._began:.1f} s)")
        if settings.api_key_is_development:
            say(f"  API key    {settings.api_key} (for development; SERVICES_API_KEY sets another)")
        database = without_password(self.database_url) if settings.database_url else self.database_url
        say(f"  database   {database}{'' if settings.database_url else ' (embedded)'}")
        if self.simulator_url:
            say(f"  simulator  {self.simulator_url}")
        say("  providers  " + " · ".join(f"{name} {state}" for name, state in settings.provider_states().items()))
        say(f"  data       {settings.data}")
        say("Ctrl-C stops it.")


async def _in_background(work: Callable[[S], None], argument: S) -> None:
    """to_thread for what cannot be cut short: our end does not wait for its end."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: Exception | None) -> None:
        if not done.done():
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

    def run() -> None:
        error: Exception | None = None
        try:
            work(argument)
        except Exception as failure:  # noqa: BLE001 - raised again where it is awaited
            error = failure
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=run, name=work.__name__, daemon=True).start()
    await done


def check_health(url: str, logs: Path) -> None:
    """Ask the gateway as a client would.

    Raises:
        RunnerError: it does not answer 200.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/healthz", timeout=35) as answer:
            json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise RunnerError(f"GET /healthz answers {error.code} instead of 200 (see {logs})") from None
    except (OSError, ValueError) as error:
        raise RunnerError(f"GET /healthz is not answered: {error} (see {logs})") from None
