"""Every minute: go on with prompts whose execution is gone, or was never told what has been decided."""

from pointsman.lifecycle.schedule import scheduled_handler
from pointsman.prompts.recovering import recover_prompts

handler = scheduled_handler("prompt_recovery", recover_prompts)
