"""`python -m local sam-local`: runs what `sam local` does not, and writes the variables of what it runs.

The whole stack runs as for `run`, so state machines, schedules and response streams are there. `sam local start-api`,
which the developer starts beside it, serves the endpoints from the built artefacts in containers, with the same
database, Step Functions and providers.
"""

import json
import platform
from ipaddress import IPv4Interface

from local.atomic_file import replace_file
from local.commands.sam_local_relay import Relay, find_bridge
from local.console import Console
from local.errors import RunnerError
from local.settings import BUILT_TEMPLATE, Settings
from local.stack.runner import StackRunner
from local.stack.stack import Stack
from local.template.apis import Route
from local.template.aws_identifiers import REGION
from local.template.sam_template import Template

ENV_FILE = "env.json"
SAM_PORT = 3000
"""The port on which `sam local start-api` listens by default."""

_ARCHITECTURES = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "x86_64", "AMD64": "x86_64"}
"""Lambda's architectures, by Python's names of processors."""


def run_sam_local(settings: Settings, bridge: str | None) -> None:
    """Run the stack beside `sam local` until a signal.

    Args:
        settings: Settings of the run.
        bridge: Address of this machine that containers reach, with their network's prefix, such as `172.17.0.1/16`;
            None takes that of Docker's bridge.

    Raises:
        RunnerError: In one line, what failed; no process is left.
    """
    console = Console()
    console.info("Pointsman is starting")
    with SamLocalStack(settings, console, _parse_bridge(bridge) if bridge else find_bridge()) as stack:
        endpoint_functions = {route.function for route in stack.template.routes}
        stack.prewarm(name for name in stack.template.functions if name not in endpoint_functions)
        stack.wait()


class SamLocalStack(Stack):
    """The whole stack, with relays for containers and the file of variables for `sam local`.

    Args:
        settings: Settings of the run.
        console: Where progress, requests and warnings are printed.
        bridge: Address of this machine that containers reach, with their network.
    """

    def __init__(self, settings: Settings, console: Console, bridge: IPv4Interface) -> None:
        super().__init__(settings, console)
        self._bridge = bridge

    async def _create_runner(self) -> StackRunner:
        return _SamLocalRunner(self.settings, self._console, self._bridge)


class _SamLocalRunner(StackRunner):
    def __init__(self, settings: Settings, console: Console, bridge: IPv4Interface) -> None:
        super().__init__(settings, console)
        self._relay = Relay(bridge)

    async def _start_components(self) -> None:
        self._exit_stack.push_async_callback(self._relay.close)
        await super()._start_components()
        variables = build_env_vars(self.template, self.moto_server.url)
        for values in variables.values():
            for name, value in values.items():
                values[name] = await self._relay.relay_url(value)
        path = self.settings.root / ENV_FILE
        # The file may hold keys, and its addresses end with this run.
        self._exit_stack.callback(path.unlink, missing_ok=True)
        try:
            replace_file(path, json.dumps(variables, indent=2).encode())
        except OSError as error:
            raise RunnerError(f"{path} cannot be written: {error.strerror}") from None
        self._print_instructions()

    async def _start_database(self) -> str:
        # Functions in containers and functions of this process read the address in the same place.
        return await self._relay.relay_url(await super()._start_database())

    def _print_instructions(self) -> None:
        print_line = self.console.info
        if not (self.settings.root / BUILT_TEMPLATE).is_file():
            self.console.warn(f"{BUILT_TEMPLATE} is missing, so `sam local` cannot run a function: `make sam-local`")
        print_line(
            f"{ENV_FILE} has the variables for `sam local`. While this runs, in another terminal, in this folder:"
        )
        print_line(f"  {build_sam_command()}")
        print_line(f"It serves the built endpoints on http://127.0.0.1:{SAM_PORT}. It cannot do:")
        for path in sorted({route.path for route in self.template.routes if self._is_streamed(route)}):
            print_line(f"  the response stream of {path}: use {self.url}")
        print_line("  state machines and schedules: their functions run here, from the sources")
        print_line("  CloudFront, WAF, throttling, permissions, the gateways' limits, a function's concurrency")

    def _is_streamed(self, route: Route) -> bool:
        return self.template.functions[route.function].exec_wrapper is not None


def build_sam_command() -> str:
    """Build the command that serves the endpoints with the variables of this run.

    Credentials and region are local ones: `sam local` would give the developer's own to the containers.

    Raises:
        RunnerError: Lambda has no functions for this machine's processor.
    """
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise RunnerError(f"Lambda has no functions for {machine}: use a machine with an arm64 or x86_64 processor")
    return (
        "AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local .venv/sam/bin/sam local start-api"
        f" --template {BUILT_TEMPLATE} --env-vars {ENV_FILE} --region {REGION}"
        f" --parameter-overrides Architecture={_ARCHITECTURES[machine]} --warm-containers LAZY --port {SAM_PORT}"
    )


def build_env_vars(template: Template, aws_url: str) -> dict[str, dict[str, str]]:
    """Build the content of the file for `--env-vars`: the template's variables, resolved, by function.

    `sam local` does not resolve references to state machines, and ignores variables that the template does not declare.
    Nothing stands in for CloudFront there, so its secret header is not asked for.

    Args:
        template: The template with the addresses and keys of this run.
        aws_url: Endpoint of the AWS services.
    """
    changes = {"AWS_ENDPOINT_URL": aws_url, "ORIGIN_SECRET_KEY": ""}
    return {
        name: {variable: changes.get(variable, value) for variable, value in function.environment.items()}
        for name, function in template.functions.items()
    }


def _parse_bridge(text: str) -> IPv4Interface:
    try:
        return IPv4Interface(text)
    except ValueError:
        raise RunnerError(f"--bridge is {text!r}; it has to be an address and a prefix, as in 172.17.0.1/16") from None
