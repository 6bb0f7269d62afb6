"""Every minute: bring the rows to what Railway says of the fleet, and measure it."""

from pointsman.lifecycle.status_poller import poll
from pointsman.workflows.handlers import scheduled_handler

handler = scheduled_handler("status_poller", lambda _event: poll())
