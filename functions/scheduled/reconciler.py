"""Every five minutes: go on with what stalled or was left, and look for what nobody knows."""

from pointsman.lifecycle.reconcile import reconcile
from pointsman.lifecycle.schedule import scheduled_handler

handler = scheduled_handler("reconciler", reconcile)
