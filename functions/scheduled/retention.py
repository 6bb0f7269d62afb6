"""Every hour: delete prompts and operations that ended long ago."""

from pointsman.lifecycle.retention import delete_past_rows
from pointsman.workflows.handlers import scheduled_handler

handler = scheduled_handler("retention", delete_past_rows)
