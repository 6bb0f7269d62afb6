"""Every minute: update the instances' rows from Railway, and emit the fleet's metrics."""

from pointsman.lifecycle.status_poller import poll
from pointsman.workflows.handlers import scheduled_handler

handler = scheduled_handler("status_poller", lambda _event: poll())
