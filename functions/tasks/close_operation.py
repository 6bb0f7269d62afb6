"""Step of both state machines: end the operation by what the journal says."""

from typing import Any

from pointsman.lifecycle import ending
from pointsman.lifecycle.task import task


@task("close")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return ending.close(operation_id)
