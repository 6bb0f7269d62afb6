"""Every minute: go on with prompts whose execution is gone, or was never told what has been decided."""

from pointsman.prompts.prompt_execution import recover_prompts
from pointsman.workflows.handlers import scheduled_handler

handler = scheduled_handler("prompt_recovery", recover_prompts)
