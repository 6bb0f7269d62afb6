"""The Lambda context of one invocation, with the names that Lambda's own has."""

import time
from dataclasses import dataclass

__all__ = ["LambdaContext"]


@dataclass(frozen=True)
class LambdaContext:
    """`scope["aws.context"]`; `deadline_ms` in milliseconds since 1970, memory in MB."""

    aws_request_id: str
    deadline_ms: int
    invoked_function_arn: str
    function_name: str
    function_version: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda kills the function; 0 when they are over."""
        return max(0, self.deadline_ms - int(time.time() * 1000))
