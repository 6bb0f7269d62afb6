"""Step Functions behind a stack: executions, seen through its public API, and failures that only moto can be given."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from local.stack.stack import Stack

from .aws import connect_aws

StartFailure = Literal["refused", "lost"]


def connect(stack: Stack) -> Any:
    """A boto3 client of the stack's Step Functions."""
    return connect_aws("stepfunctions", stack.aws_url)


def list_executions(stack: Stack, state_machine_arn: str, prefix: str, **options: str) -> list[dict[str, Any]]:
    """List a machine's executions whose names begin with `prefix`; `options` are boto3's."""
    found = connect(stack).list_executions(stateMachineArn=state_machine_arn, **options)["executions"]
    return [execution for execution in found if execution["name"].startswith(prefix)]


def execution_arn(state_machine_arn: str, name: str) -> str:
    return f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"


def execution_history(stack: Stack, execution: str) -> list[dict[str, Any]]:
    """Return the events of an execution, given by its ARN."""
    return connect(stack).get_execution_history(executionArn=execution)["events"]


def create_idle_state_machine(stack: Stack) -> str:
    """Create a state machine whose executions end at once; returns its ARN."""
    definition = '{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}'
    role = "arn:aws:iam::123456789012:role/local"
    created = connect(stack).create_state_machine(name="Idle", definition=definition, roleArn=role)
    return created["stateMachineArn"]


def forget_executions(prefix: str) -> None:
    """Delete executions by name, as a restart of the runner does, because moto keeps them in memory."""
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    for backends in stepfunctions_parser_backends.values():
        for backend in backends.values():
            for machine in backend.state_machines:
                machine.executions[:] = [kept for kept in machine.executions if not kept.name.startswith(prefix)]


@contextmanager
def fail_start_execution(stack: Stack, failure: StartFailure) -> Iterator[None]:
    """Let StartExecution respond with 500 in this block.

    Args:
        stack: whose Step Functions fail.
        failure: "refused" starts nothing; "lost" starts the execution all the same.
    """
    server = stack._started_runner.moto_server
    moto_app = server._moto_app
    assert moto_app is not None

    def failing_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if not str(environ.get("HTTP_X_AMZ_TARGET", "")).endswith(".StartExecution"):
            return moto_app(environ, start_response)
        if failure == "lost":
            for _ in moto_app(environ, lambda *_: None):
                pass
        else:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("500 Internal Server Error", [("Content-Length", "2")])
        return [b"{}"]

    server._moto_app = failing_app
    try:
        yield
    finally:
        server._moto_app = moto_app
