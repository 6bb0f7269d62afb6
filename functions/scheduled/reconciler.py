"""Every five minutes: go on with what stalled or was left, and look for what nobody knows."""

from pointsman.lifecycle.reconciler import reconcile
from pointsman.workflows.handlers import scheduled_handler

handler = scheduled_handler("reconciler", reconcile)
