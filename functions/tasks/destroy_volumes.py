"""Step of destroy_instance: delete the volumes."""

from typing import Any

from pointsman.lifecycle import ending
from pointsman.lifecycle.task import task


@task("volumes")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return ending.destroy_volumes(operation_id)
