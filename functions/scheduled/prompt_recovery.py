"""Every minute: go on with prompts whose execution is gone, or was never told what has been decided."""

from pointsman.lifecycle.schedule import scheduled
from pointsman.prompts.recovering import recover

handler = scheduled("prompt_recovery", recover)
