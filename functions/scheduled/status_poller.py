"""Every minute: bring the rows to what Railway says of the fleet, and measure it."""

from pointsman.lifecycle.polling import poll
from pointsman.lifecycle.schedule import scheduled_handler

handler = scheduled_handler("status_poller", lambda _event: poll())
