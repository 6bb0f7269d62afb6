"""Every minute: resume prompts whose execution has ended, or did not get a decision."""

from pointsman.prompts.prompt_execution import recover_prompts
from pointsman.workflows.handlers import scheduled_handler

handler = scheduled_handler("prompt_recovery", recover_prompts)
