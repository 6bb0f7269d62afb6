"""Workers that are forked: what they see, how they end, and when a process of its own is started instead."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
import pytest

from local.lambda_service.service import LambdaService
from local.processes.supervisor import Supervisor
from local.template.sam_template import Function
from tests.harness.paths import CHECKOUT
from tests.harness.worker_processes import has_exited

HANDLERS = """
    import os, random, signal, sys, time

    def see(event, context):
        import layer_module
        names = ("layer_module", "runtime_client")
        return {
            "environment": dict(os.environ), "path": sys.path, "folder": os.getcwd(), "arguments": sys.argv[1:],
            "main": sys.modules["__main__"].__name__, "parent": os.getppid(), "pid": os.getpid(),
            "group": os.getpgid(0), "session": os.getsid(0), "color": layer_module.COLOR, "loaded": layer_module.LOADED,
            "random": random.random(), "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
            "signals": {number: str(signal.getsignal(number)) for number in (signal.SIGCHLD, signal.SIGTERM)},
            "descriptors": sorted(os.listdir("/proc/self/fd")), "zone": time.tzname,
        }

    def end(event, context):
        if event["how"] == "signal":
            os.kill(os.getpid(), event["code"])
        if event["how"] == "exit":
            sys.exit(event["code"])
        os._exit(event["code"])

    def sleep(event, context):
        time.sleep(event["seconds"])
        return os.getpid()
"""
STREAM_APP = """
    import json, os, sys

    async def app(scope, receive, send):
        seen = {"environment": dict(os.environ), "path": sys.path, "folder": os.getcwd(), "arguments": sys.argv[1:],
                "parent": os.getppid()}
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": json.dumps(seen).encode()})
"""
LAYER = """
    import os

    COLOR = os.environ.get("COLOR")
    LOADED = os.getpid()
"""
WRAPPER_EVENT = {"httpMethod": "GET", "path": "/", "requestContext": {"identity": {"sourceIp": "127.0.0.1"}}}


class Functions:
    """Functions in a folder, with a layer."""

    def __init__(self, folder: Path) -> None:
        self.code = folder / "code"
        self.layer = folder / "layer"
        self.log_folder = folder / "logs"
        for path in (self.code, self.layer, self.log_folder):
            path.mkdir()
        (self.code / "things.py").write_text(dedent(HANDLERS))
        (self.layer / "layer_module.py").write_text(dedent(LAYER))

    def define(self, handler: str, layers: tuple[Path, ...] = (), **environment: str) -> Function:
        name = f"{handler.title().replace('.', '')}{''.join(environment.values()).title()}"
        return Function(name, handler, "python3.11", self.code, layers or (self.layer,), 20.0, 128, environment)

    @asynccontextmanager
    async def serve(self, *functions: Function, **options: Any) -> AsyncGenerator[LambdaService]:
        supervisor = Supervisor()
        service = LambdaService(
            {function.name: function for function in functions}, "http://127.0.0.1:9", self.log_folder, supervisor,
            lambda _text: None, **options,
        )  # fmt: skip
        try:
            yield service
        finally:
            await service.stop()
            await supervisor.close()


@pytest.fixture
def functions(tmp_path: Path) -> Functions:
    return Functions(tmp_path)


async def invoke(service: LambdaService, function: Function, event: object = None) -> Any:
    result = await service.invoke(function.name, json.dumps(event or {}).encode())
    return json.loads(result.payload)


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


def get_server_pid(service: LambdaService) -> int:
    return next(server["pid"] for server in service.fork_server_status())


def find_workers(service: LambdaService, function: Function) -> list[dict[str, Any]]:
    return service.status()[function.name]["workers"]


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await test()

    asyncio.run(main())


def test_a_forked_worker_sees_what_a_process_of_its_own_sees(functions: Functions) -> None:
    see, other = functions.define("things.see", COLOR_OF_ONE="red"), functions.define("things.sleep", OTHER="x")

    async def look(*, forks: bool) -> dict[str, Any]:
        async with functions.serve(see, other, forks=forks) as service:
            seen = await invoke(service, see)
            assert (seen["parent"] == os.getpid()) != forks
            assert seen["pid"] == seen["group"] == seen["session"]
            for name in ("pid", "group", "session", "random", "parent", "loaded"):
                del seen[name]
            del seen["environment"]["AWS_LAMBDA_RUNTIME_API"]
            del seen["environment"]["_X_AMZN_TRACE_ID"]
            return seen

    async def test() -> None:
        forked, own = await look(forks=True), await look(forks=False)
        assert forked == own
        assert (forked["environment"]["COLOR_OF_ONE"], "OTHER" in forked["environment"]) == ("red", False)

    run(test)


def test_a_forked_worker_runs_what_a_wrapper_starts(functions: Functions) -> None:
    (functions.code / "streamed.py").write_text(dedent(STREAM_APP))
    layers = (CHECKOUT / "layers/shared",)
    function = functions.define("streamed.app", layers, AWS_LAMBDA_EXEC_WRAPPER="/opt/python/stream-wrapper")

    async def look(*, forks: bool) -> dict[str, Any]:
        async with functions.serve(function, forks=forks) as service:
            result = await service.invoke(function.name, json.dumps(WRAPPER_EVENT).encode())
            seen = json.loads(result.payload.partition(b"\0" * 8)[2])
            assert (seen.pop("parent") == os.getpid()) != forks
            for name in ("AWS_LAMBDA_RUNTIME_API", "_X_AMZN_TRACE_ID"):
                del seen["environment"][name]
            # What the shell sets of itself.
            seen["environment"].pop("_", None)
            return seen

    async def test() -> None:
        assert await look(forks=True) == await look(forks=False)

    run(test)


def test_all_workers_of_a_layer_share_one_fork_server_and_what_it_has_loaded(functions: Functions) -> None:
    see, sleep = functions.define("things.see"), functions.define("things.sleep")

    async def test() -> None:
        async with functions.serve(see, sleep) as service:
            first = await invoke(service, see)
            assert first["loaded"] == first["parent"] == get_server_pid(service) != first["pid"]
            slept = await invoke(service, sleep, {"seconds": 0})
            assert psutil.Process(slept).ppid() == first["parent"]
            os.kill(first["pid"], signal.SIGKILL)
            await wait_until(lambda: has_exited(first["pid"]))
            second = await invoke(service, see)
            assert second["parent"] == first["parent"]
            assert second["random"] != first["random"]

    run(test)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"how": "exit", "code": 3}, "exit status 3"),
        ({"how": "at once", "code": 4}, "exit status 4"),
        ({"how": "signal", "code": int(signal.SIGSEGV)}, "signal: segmentation fault"),
        ({"how": "signal", "code": int(signal.SIGKILL)}, "signal: killed"),
    ],
)
def test_the_exit_of_a_forked_worker_is_reported_as_it_was(
    functions: Functions, event: dict[str, Any], reason: str
) -> None:
    end = functions.define("things.end")

    async def test() -> None:
        async with functions.serve(end) as service:
            error = await invoke(service, end, event)
            assert error["errorType"] == "Runtime.ExitError"
            assert error["errorMessage"].endswith(f"Runtime exited with error: {reason}")
            assert get_server_pid(service)

    run(test)


def test_a_module_of_a_layer_that_reads_a_variable_at_its_import_reads_the_functions_own(functions: Functions) -> None:
    red, blue = functions.define("things.see", COLOR="red"), functions.define("things.see", COLOR="blue")

    async def test() -> None:
        async with functions.serve(red, blue) as service:
            answers = [await invoke(service, function) for function in (red, blue)]
            assert [answer["color"] for answer in answers] == ["red", "blue"]
            assert [answer["parent"] for answer in answers] == [os.getpid()] * 2

    run(test)


def test_a_module_of_the_code_folder_takes_the_place_of_one_of_a_layer(functions: Functions) -> None:
    (functions.code / "layer_module.py").write_text("COLOR, LOADED = 'own', 0\n")
    see = functions.define("things.see")

    async def test() -> None:
        async with functions.serve(see) as service:
            assert (await invoke(service, see))["color"] == "own"

    run(test)


@pytest.mark.parametrize(
    "code",
    [
        "import no_such_module",
        "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        "import os; os._exit(1)",
    ],
)
def test_a_layer_that_cannot_be_preloaded_does_not_hinder_a_function(functions: Functions, code: str) -> None:
    (functions.layer / "another.py").write_text(code)
    see = functions.define("things.see")

    async def test() -> None:
        async with functions.serve(see) as service:
            assert (await invoke(service, see))["folder"] == str(functions.code)

    run(test)


def test_workers_outlive_their_fork_server_and_a_new_one_takes_its_place(functions: Functions) -> None:
    sleep = functions.define("things.sleep")

    async def test() -> None:
        async with functions.serve(sleep) as service:
            await invoke(service, sleep, {"seconds": 0})
            call = asyncio.create_task(invoke(service, sleep, {"seconds": 0.5}))
            await wait_until(lambda: find_workers(service, sleep)[0]["requestId"] is not None)
            server = get_server_pid(service)
            os.kill(server, signal.SIGKILL)
            worker = await call
            assert await invoke(service, sleep, {"seconds": 0}) == worker
            os.kill(worker, signal.SIGKILL)
            await wait_until(lambda: has_exited(worker))
            replacement = await invoke(service, sleep, {"seconds": 0})
            assert replacement != worker
            assert psutil.Process(replacement).ppid() == get_server_pid(service) != server

    run(test)


def test_a_change_of_code_ends_the_fork_server_once_its_last_worker_has_ended(functions: Functions) -> None:
    see, sleep = functions.define("things.see"), functions.define("things.sleep")

    async def test() -> None:
        async with functions.serve(see, sleep) as service:
            before = await invoke(service, see)
            call = asyncio.create_task(invoke(service, sleep, {"seconds": 1}))
            await wait_until(lambda: any(worker["requestId"] for worker in find_workers(service, sleep)))
            (functions.layer / "layer_module.py").write_text("COLOR, LOADED = 'changed', 0\n")
            service.retire_all()
            after = await invoke(service, see)
            assert (before["color"], after["color"]) == (None, "changed")
            assert not has_exited(before["parent"])
            assert isinstance(await call, int)
            await wait_until(lambda: has_exited(before["parent"]))

    run(test)


def test_idle_workers_end_but_one(functions: Functions) -> None:
    sleep = functions.define("things.sleep")

    async def test() -> None:
        async with functions.serve(sleep, idle_timeout=0.5) as service:
            pids = await asyncio.gather(*(invoke(service, sleep, {"seconds": 0.3}) for _ in range(6)))
            assert len(set(pids)) > 1
            await wait_until(lambda: len(find_workers(service, sleep)) == 1)
            kept = find_workers(service, sleep)[0]["pid"]
            await asyncio.sleep(1.2)
            assert await invoke(service, sleep, {"seconds": 0}) == kept
            assert all(has_exited(pid) for pid in set(pids) - {kept})

    run(test)


def test_a_function_that_answers_at_once_gets_no_more_workers_than_there_are_cores(functions: Functions) -> None:
    sleep = functions.define("things.sleep")

    async def test() -> None:
        async with functions.serve(sleep) as service:
            pids = await asyncio.gather(*(invoke(service, sleep, {"seconds": 0}) for _ in range(200)))
            assert len(set(pids)) <= (os.cpu_count() or 1)

    run(test)


def test_a_stop_leaves_no_process(functions: Functions) -> None:
    see = functions.define("things.see")

    async def test() -> None:
        async with functions.serve(see) as service:
            seen = await invoke(service, see)
        assert has_exited(seen["pid"])
        assert has_exited(seen["parent"])

    run(test)
