"""Every minute: send the messages to webhooks that are due."""

from pointsman.webhooks.delivery import deliver_due
from pointsman.workflows.handlers import scheduled_handler

handler = scheduled_handler("webhook_delivery", deliver_due)
