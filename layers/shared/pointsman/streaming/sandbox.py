"""What Lambda sets in the environment; the one module here that reads it, for the layer's settings are not loaded."""

import os
from dataclasses import dataclass

__all__ = ["LambdaEnvironment", "export_trace_id"]


@dataclass(frozen=True)
class LambdaEnvironment:
    """The function as Lambda runs it; memory in MB."""

    runtime_api: str
    function_name: str
    function_version: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str

    @classmethod
    def load(cls) -> "LambdaEnvironment":
        """From the environment; only the Runtime API's address has to be there."""
        return cls(
            runtime_api=os.environ["AWS_LAMBDA_RUNTIME_API"],
            function_name=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
            function_version=os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
            memory_limit_in_mb=os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""),
            log_group_name=os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", ""),
            log_stream_name=os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
        )


def export_trace_id(trace_id: str) -> None:
    """Put an invocation's trace where X-Ray's libraries look for it."""
    if trace_id:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
