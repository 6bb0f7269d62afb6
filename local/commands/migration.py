"""`python -m local migrate`: invokes the migrate function once, with only the components that it needs.

If a runner holds the data folder, the function is invoked in that runner.
"""

import asyncio
import json
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from local.commands.runner_client import call_runner, invoke_function
from local.console import Console
from local.errors import RunnerError
from local.json_values import list_or_empty, mapping_or_empty
from local.lambda_service.invocation import InvocationResult
from local.lambda_service.service import LambdaService
from local.processes.run_lock import RunLockHeld
from local.settings import Settings, build_secrets
from local.stack.components import MIGRATION_HANDLER, ComponentRunner, find_migration_functions
from local.stack.concurrency import gather_or_cancel
from local.stack.setting_check import load_checked_template
from local.template.sam_template import Function, Template

_START_TIMEOUT = 90.0
"""Seconds to wait for another runner that is starting."""

_INVOKE_TIMEOUT = 330.0
"""Seconds; more than the timeout of the function."""


def migrate(settings: Settings, drop_legacy_columns: bool) -> None:
    """Migrate the databases and print a report.

    Args:
        settings: Settings of the run.
        drop_legacy_columns: Whether to drop the legacy columns too.

    Raises:
        RunnerError: In one line, what failed; no process is left.
    """
    console = Console(log_requests=False)
    payload = json.dumps({"drop": drop_legacy_columns}).encode()
    deadline = time.monotonic() + _START_TIMEOUT
    has_printed_wait = False
    while True:
        try:
            result = asyncio.run(_run_standalone(settings, console, payload))
            break
        except RunLockHeld as other:
            if other.url is not None:
                result = _run_in_existing_runner(other.url, settings, console, payload)
                break
            if time.monotonic() > deadline:
                raise
            if not has_printed_wait:
                console.info(f"  waiting for another Pointsman that is starting and holds {settings.data}")
                has_printed_wait = True
        time.sleep(0.2)
    if result.error is not None:
        raise RunnerError(f"the migration failed: {result.error_type}: {result.error_message}")
    for line in _format_report(mapping_or_empty(json.loads(result.payload))):
        console.info(line)


class _MigrationRunner(ComponentRunner):
    """Database, simulator if the backfill needs it, and the migrate function."""

    async def _start_components(self) -> None:
        settings = self.settings
        path = settings.template
        load_checked_template(settings, find_migration_functions)
        self._acquire_data_folder()
        self._start_supervisor()
        self.database_url, self.simulator_url = await gather_or_cancel(
            self._start_database(), self._start_simulator(_needs_simulator(settings))
        )
        overrides = settings.function_overrides(self.database_url, self.simulator_url)
        template = Template.load(path, overrides)
        self._migration_functions = find_migration_functions(template)
        functions = {
            name: _give_plain_secrets(template.functions[name], overrides) for name in self._migration_functions
        }
        log_folder = settings.data / "logs"
        # There is no AWS here, which takes seconds to start. The function's failure is printed by `migrate`, so its
        # log is not printed as well.
        self._lambda_service = LambdaService(
            functions, "", log_folder, self._supervisor, lambda _line: None, python=settings.python
        )
        self._exit_stack.push_async_callback(self._lambda_service.stop)

    async def invoke(self, payload: bytes) -> InvocationResult:
        """Invoke the migrate function."""
        if not self._migration_functions:
            raise RunnerError(f"no function of the template has the handler {MIGRATION_HANDLER}")
        return await self._run_timed("migration", self._lambda_service.invoke(self._migration_functions[0], payload))


def _give_plain_secrets(function: Function, overrides: Mapping[str, str]) -> Function:
    """Return the function with the secrets as variables, which win over Secrets Manager's."""
    variables = {name: value for secret in build_secrets(overrides).values() for name, value in secret.items()}
    return replace(function, environment={**function.environment, **variables, "SECRET_PREFIX": ""})


async def _run_standalone(settings: Settings, console: Console, payload: bytes) -> InvocationResult:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    runner = _MigrationRunner(settings, console)
    try:
        await runner.start()
        return await runner.invoke(payload)
    except asyncio.CancelledError:
        raise RunnerError("stopped before the migration was done") from None
    finally:
        await runner.stop()


def _needs_simulator(settings: Settings) -> bool:
    """Return whether a backfill would read Railway's volumes from the simulator."""
    is_railway_simulated = settings.provider_states()["railway"] == "simulated"
    return is_railway_simulated and settings.pool_url is not None and not settings.environment.get("RAILWAY_API_URL")


def _run_in_existing_runner(url: str, settings: Settings, console: Console, payload: bytes) -> InvocationResult:
    status = call_runner("GET", f"{url}/_local/status", None, 5.0)[0]
    runner_databases = mapping_or_empty(status.get("databases"))
    for name, database in settings.databases().items():
        if database is not None and database != runner_databases.get(name):
            raise RunnerError(
                f"the Pointsman that serves {url} and holds {settings.data} migrates other databases than this"
                f" environment says ({name}: {runner_databases.get(name) or 'none'}, not {database}):"
                " stop it, or set POINTSMAN_DATA"
            )
    functions = mapping_or_empty(status.get("functions"))
    name = next(
        (name for name, status in functions.items() if mapping_or_empty(status).get("handler") == MIGRATION_HANDLER),
        None,
    )
    if name is None:
        raise RunnerError(f"the Pointsman that serves {url} has no function with the handler {MIGRATION_HANDLER}")
    return invoke_function(url, name, payload, _INVOKE_TIMEOUT, console)


def _format_report(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"  schema      {report.get('from') or 'nothing'} → {report.get('to')}"
    backfilled = mapping_or_empty(report.get("backfilled"))
    if backfilled:
        yield f"  backfilled  {backfilled.get('instances')} instances, {backfilled.get('tools')} tools"
        completed, without_volume = backfilled.get("volumesCompleted"), backfilled.get("withoutVolume")
        yield f"  volumes     {completed} completed from Railway; {without_volume} instances have none"
    for database, names in mapping_or_empty(report.get("dropped")).items():
        yield f"  dropped     {database}: {', '.join(map(str, list_or_empty(names))) or 'nothing'}"
    for note in filter(None, str(report.get("note") or "").split("; ")):
        yield f"  note        {note}"
