"""The component runner of the whole stack: starts all that the template describes, concurrently where possible."""

import asyncio
import gc
import json
import os
import socket
import time
import urllib.error
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from local.api_gateway.control import ControlApi
from local.api_gateway.gateway import Gateway
from local.api_gateway.listener import bind_listener, build_base_url, describe_port_conflict
from local.api_gateway.router import match_route
from local.console import Console
from local.errors import RunnerError
from local.eventbridge.schedules import Scheduler
from local.lambda_service.service import LambdaService
from local.loopback_http import open_loopback
from local.settings import PROMPT_QUOTAS, Settings, build_secrets, redact_database_url
from local.stack.code_reload import CodeReloader
from local.stack.components import ComponentRunner, find_migration_functions
from local.stack.concurrency import gather_or_cancel, run_in_daemon_thread
from local.stack.setting_check import load_checked_template
from local.step_functions.moto_server import MotoServer
from local.template.sam_template import Template


class StackRunner(ComponentRunner):
    """Runs the whole stack on one event loop; synchronous code uses it through `Stack`.

    Args:
        settings: Settings of the run.
        console: Where progress, requests and warnings are printed.
    """

    def __init__(self, settings: Settings, console: Console) -> None:
        super().__init__(settings, console)
        self.url = ""
        self._started_monotonic = time.monotonic()
        self._started_at = time.time()

    async def _start_components(self) -> None:
        settings = self.settings
        path = settings.template
        # Errors in settings and template end the start early, and moto needs only the state machines.
        initial_template = load_checked_template(settings)
        self._acquire_data_folder()
        listener = bind_listener(settings.host, settings.port)
        self._exit_stack.callback(listener.close)
        self._start_supervisor()
        self.moto_server = MotoServer(settings.data / "logs" / "moto.log")
        self._exit_stack.push_async_callback(asyncio.to_thread, self.moto_server.stop)
        moto_task = asyncio.create_task(
            self._run_timed("AWS (moto)", run_in_daemon_thread(self.moto_server.start, initial_template.state_machines))
        )
        self._exit_stack.callback(moto_task.cancel)
        self.database_url, self.simulator_url = await gather_or_cancel(
            self._start_database(), self._start_simulator(settings.needs_simulator())
        )
        overrides = settings.function_overrides(self.database_url, self.simulator_url)
        self.template = Template.load(path, overrides)
        log_folder = settings.data / "logs"
        self.lambda_service = LambdaService(
            self.template.functions,
            self.moto_server.url,
            log_folder,
            self._supervisor,
            self.console.warn,
            settings.concurrency,
            settings.stream_concurrency,
            settings.python,
            # What was built runs as on Lambda: each process imports for itself.
            forks=settings.template.parent == settings.root,
            idle_timeout=settings.idle_timeout,
        )
        self._exit_stack.push_async_callback(self.lambda_service.stop)
        self.moto_server.connect(self.lambda_service, asyncio.get_running_loop())
        self.scheduler = Scheduler(self.template.schedules, self.lambda_service.invoke, self.console.info)
        await gather_or_cancel(self._run_migrations(moto_task, build_secrets(overrides)), self._warm_health_function())
        # moto's modules are hundreds of thousands of objects. Frozen, they are not traversed by later collections, each
        # of which would halt the stack for 0.4 s.
        gc.collect()
        gc.freeze()
        await self._open_gateway(listener, initial_template)
        self._print_banner()

    async def _run_migrations(self, moto_task: "asyncio.Task[None]", secrets: Mapping[str, Mapping[str, str]]) -> None:
        """Run the migrations once AWS is up, since they read their secrets from it."""
        names = find_migration_functions(self.template)
        await gather_or_cancel(self.lambda_service.prewarm(names), moto_task)
        await asyncio.to_thread(self.moto_server.create_secrets, secrets)
        for name in names:
            result = await self._run_timed("migrations", self.lambda_service.invoke(name, b"{}"))
            if result.error is not None:
                log_path = self.settings.data / "logs" / f"{name}.log"
                reason = f"{result.error_type}: {result.error_message}"[:400]
                raise RunnerError(f"the migrations failed: {reason} (see {log_path})")

    async def _warm_health_function(self) -> None:
        route_match = match_route(self.template.routes, "GET", "/healthz")
        if route_match is not None:
            await self._run_timed("first function", self.lambda_service.prewarm([route_match.route.function]))

    async def _open_gateway(self, listener: socket.socket, initial_template: Template) -> None:
        settings = self.settings
        control = ControlApi(self.lambda_service, self.scheduler, self.status)
        gateway = Gateway(self.template, self.lambda_service, self.console, settings.integration_timeout, control)
        port = int(listener.getsockname()[1])
        try:
            await gateway.start(listener)
        except OSError as error:
            raise RunnerError(await asyncio.to_thread(describe_port_conflict, settings.host, port, error)) from None
        self._exit_stack.push_async_callback(gateway.stop)
        self.url = build_base_url(settings.host, port)
        if any(route.path == "/healthz" for route in initial_template.routes):
            await asyncio.to_thread(verify_health, self.url, settings.data / "logs")
        self._run_lock.write_owner(self.url)
        self._exit_stack.push_async_callback(self.scheduler.stop)
        if settings.schedules:
            self.scheduler.start()
        code_reloader = CodeReloader(self.template, self.lambda_service, self.moto_server, self.console)
        self._exit_stack.push_async_callback(code_reloader.stop)
        code_reloader.start()

    async def prewarm(self, function_names: Iterable[str] | None) -> None:
        """Start workers of functions and warm up the interpreter of state machines, before they are first needed.

        Args:
            function_names: As `LambdaService.prewarm` takes them.
        """
        await gather_or_cancel(self.lambda_service.prewarm(function_names), asyncio.to_thread(self.moto_server.warm_up))

    async def restart_postgres(self) -> None:
        """Stop the embedded Postgres, which ends all connections, and start it again at the same address.

        Raises:
            RunnerError: The database is external, or the server came back at another address.
        """
        if self._postgres is None:
            raise RunnerError("the database is external, so it cannot be restarted")
        await self._postgres.stop()
        if await self._postgres.start() != self.database_url:
            raise RunnerError("Postgres came back at another address")

    def status(self) -> dict[str, Any]:
        """Return what runs as plain data, without a secret; the body of `GET /_local/status`."""
        return {
            "pointsman": {
                "pid": os.getpid(),
                "root": str(self.settings.root),
                "template": str(self.settings.template),
                "data": str(self.settings.data),
                "url": self.url,
                "startedAt": self._started_at,
            },
            "aws": self.moto_server.url,
            "simulator": self.simulator_url,
            "processes": {
                "postgres": self._postgres.pid if self._postgres else None,
                "simulator": self._simulator.pid if self._simulator else None,
                "forkServers": [server["pid"] for server in self.lambda_service.fork_server_status()],
            },
            "providers": self.settings.provider_states(),
            "databases": self.settings.databases(),
            "functions": self.lambda_service.status(),
            "stateMachines": {machine.name: machine.arn for machine in self.template.state_machines},
            "schedules": [
                {"function": item.function, "name": item.name, "expression": item.expression, "enabled": item.enabled}
                for item in self.template.schedules
            ],
        }

    def _print_banner(self) -> None:
        settings, print_line = self.settings, self.console.info
        print_line(f"Pointsman is ready on {self.url}  ({time.monotonic() - self._started_monotonic:.1f} s)")
        if settings.is_development_api_key:
            print_line(f"  API key    {settings.api_key} (for development; SERVICES_API_KEY sets another)")
        if (settings.environment.get("AGENT_AUTH") or "header") == "header":
            operators = settings.environment.get("AGENT_OPERATORS")
            print_line(f"  operators  {operators or 'every user of the Agent API (AGENT_OPERATORS names some)'}")
        hold = settings.environment.get("DESTROY_HOLD_COUNT") or "0"
        held = "never held (DESTROY_HOLD_COUNT; 20 on AWS)" if hold == "0" else f"held after {hold} in a short time"
        print_line(f"  destroys   {held}")
        quotas = [f"{name} {value}" for name in PROMPT_QUOTAS if (value := settings.environment.get(name))]
        print_line(f"  quotas     {', '.join(quotas) or 'prompts without (PROMPTS_AT_ONCE_PER_USER; 20 on AWS)'}")
        database = redact_database_url(self.database_url) if settings.database_url else self.database_url
        print_line(f"  database   {database}{'' if settings.database_url else ' (embedded)'}")
        if self.simulator_url:
            print_line(f"  simulator  {self.simulator_url}")
        print_line(
            "  providers  " + " · ".join(f"{name} {state}" for name, state in settings.provider_states().items())
        )
        if settings.template.parent != settings.root:
            print_line(f"  functions  {settings.template.parent} (built), under {settings.python}")
        print_line(f"  data       {settings.data}")
        print_line("Ctrl-C stops it.")


def verify_health(url: str, log_folder: Path) -> None:
    """Send `GET /healthz` to the gateway, as a client would.

    Args:
        url: Base URL of the gateway.
        log_folder: Named in the error message.

    Raises:
        RunnerError: The response is not 200, or is not JSON.
    """
    try:
        with open_loopback(f"{url}/healthz", timeout=35) as response:
            json.loads(response.read())
    except urllib.error.HTTPError as error:
        raise RunnerError(f"GET /healthz answers {error.code} instead of 200 (see {log_folder})") from None
    except (OSError, ValueError) as error:
        raise RunnerError(f"GET /healthz is not answered: {error} (see {log_folder})") from None
