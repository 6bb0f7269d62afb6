"""The migration of the databases: at each deployment by CloudFormation, at the local runner's start, and by hand."""

from typing import Any

from pointsman.errors import InvalidInput
from pointsman.lifecycle.legacy_migration import migrate
from pointsman.workflows.custom_resource import handle_custom_resource, is_custom_resource_event


def handler(event: dict[str, Any], context: object) -> dict[str, object]:
    """Run the legacy migration. `drop: true` in the event drops the legacy columns too.

    An event of CloudFormation's gets its answer at the event's address; nothing is returned then.
    """
    if is_custom_resource_event(event):
        handle_custom_resource(event, context, lambda: migrate(False))
        return {}
    drop = event.get("drop", False)
    if not isinstance(drop, bool):
        raise InvalidInput("drop has to be true or false")
    return migrate(drop)
