"""`python -m local sam-local`: runs what `sam local` does not, and writes the variables of what it runs.

The whole stack runs as for `run`, so state machines, schedules and response streams are there. `sam local start-api`, which
the developer starts beside it, serves the APIs' endpoints from the built artefacts in containers, with the same database, Step
Functions and providers.
"""

import json
import threading
from collections.abc import Mapping
from ipaddress import IPv4Interface
from pathlib import Path

from local.atomic_file import replace_file
from local.commands.sam_local_relay import Relay, find_bridge
from local.console import Console
from local.errors import RunnerError
from local.settings import Settings
from local.stack.runner import StackRunner
from local.stack.stack import Stack
from local.template.aws_identifiers import REGION
from local.template.sam_template import Template

ENV_FILE = "env.json"
BUILT_TEMPLATE = Path(".aws-sam", "build", "template.yaml")

_COMMAND = (
    "AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local .venv/sam/bin/sam local start-api"
    f" --env-vars {ENV_FILE} --region {REGION} --warm-containers LAZY"
)


def run_sam_local(settings: Settings, bridge: str | None) -> None:
    """Run the stack beside `sam local` until a signal.

    Args:
        settings: Settings of the run.
        bridge: Address of this machine that containers reach, with the prefix of their network, such as `172.17.0.1/16`;
            that of Docker's bridge by default.

    Raises:
        RunnerError: In one line, what failed; no process is left.
    """
    console = Console()
    console.info("Pointsman is starting")
    with SamLocalStack(settings, console, _parse_bridge(bridge) if bridge else find_bridge()) as stack:
        served = {route.function for route in stack.template.routes}
        stack.prewarm(name for name in stack.template.functions if name not in served)
        threading.Event().wait()


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
        # Containers read this address where the functions of this process do, so both go through the relay.
        return await self._relay.relay_url(await super()._start_database())

    def _print_instructions(self) -> None:
        print_line = self.console.info
        print_line(f"{ENV_FILE} has the variables for `sam local`, until this stops. In another terminal:")
        print_line(f"  {_COMMAND}")
        if not (self.settings.root / BUILT_TEMPLATE).is_file():
            self.console.warn(f"{BUILT_TEMPLATE} is missing: `make build` first")


def build_env_vars(template: Template, aws_url: str) -> dict[str, dict[str, str]]:
    """Build the content of the file for `--env-vars`: every variable that the template declares, resolved, by function.

    `sam local` would leave references to state machines unresolved, and it ignores variables that the template does not declare.

    Args:
        template: The template with the addresses and keys of this run.
        aws_url: Endpoint of the AWS services.
    """
    return {
        name: {
            variable: aws_url if variable == "AWS_ENDPOINT_URL" else value
            for variable, value in function.environment.items()
        }
        for name, function in template.functions.items()
    }


def _parse_bridge(text: str) -> IPv4Interface:
    try:
        return IPv4Interface(text)
    except ValueError:
        raise RunnerError(f"--bridge is {text!r}; it has to be an address with a prefix, such as 172.17.0.1/16") from None
