"""Step of create_instance: delete whatever a failed create has made."""

from typing import Any

from pointsman.lifecycle import undoing
from pointsman.lifecycle.task import task


@task("undo")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return undoing.undo_create(operation_id)
