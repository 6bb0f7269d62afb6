"""Every five minutes: resume stalled operations, retry leaked ones, and sweep orphans."""

from pointsman.lifecycle.reconciler import reconcile
from pointsman.workflows.handlers import scheduled_handler

handler = scheduled_handler("reconciler", reconcile)
