"""What Lambda sets in the environment; the one module here that reads it, for the layer's settings are not loaded."""

import os
from dataclasses import dataclass

__all__ = ["Sandbox", "trace"]


@dataclass(frozen=True)
class Sandbox:
    """The function as Lambda runs it; memory in MB."""

    runtime_api: str
    function: str
    version: str
    memory: str
    log_group: str
    log_stream: str

    @classmethod
    def read(cls) -> "Sandbox":
        """From the environment; only the Runtime API's address has to be there."""
        return cls(
            runtime_api=os.environ["AWS_LAMBDA_RUNTIME_API"],
            function=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
            version=os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
            memory=os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""),
            log_group=os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", ""),
            log_stream=os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
        )


def trace(trace_id: str) -> None:
    """Put an invocation's trace where X-Ray's libraries look for it."""
    if trace_id:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
