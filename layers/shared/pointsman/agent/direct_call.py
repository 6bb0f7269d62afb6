"""A tool call that a client asks for itself and that a person must approve: a prompt without a model.

So everything that holds for the approvals of a model's calls holds for it: who approves, expiry, quotas, the list of
approvals, the exact input that was approved, and that it runs once at most. docs/decisions/0034.
"""

import json
import uuid
from collections.abc import Collection

from ..errors import InvalidToolInput
from ..prompts.submission import DirectCall, SubmittedPrompt, submit_prompt
from ..settings.prompts import PromptSettings
from .container import Services
from .loop.secret_arguments import separate_secrets
from .plugin import Prompt
from .tool import AnyTool

__all__ = ["submit_direct_call"]


def submit_direct_call(
    services: Services, tool: AnyTool, arguments: object, user_id: str, permissions: Collection[str]
) -> SubmittedPrompt:
    """Store the call. It asks for its approval once `start_prompt` has started it.

    Args:
        services: the agent's service container.
        tool: an exposed tool.
        arguments: its input, parsed JSON that the tool accepts.
        user_id: who asks.
        permissions: what the user may do.

    Raises:
        InvalidToolInput: the input is larger than a prompt's may be.
        QuotaExceeded, UnderMaintenance, DatabaseUnavailable: as `submit_prompt` does.
    """
    text, max_bytes = json.dumps(arguments), PromptSettings.load().max_input_bytes
    if len(text) > max_bytes:
        issue = f"A call that a person approves takes an input of at most {max_bytes} bytes as JSON in ASCII"
        raise InvalidToolInput(f"The input of {tool.id} is not valid", [{"path": [], "message": issue}])
    prompt = Prompt(services, user_id=user_id, prompt_id="", permissions=permissions)
    prompt.add_client_tools(tool)
    call = {"id": f"call_{uuid.uuid4().hex}", "name": tool.id, "arguments": text}
    _, (asked,), secrets = separate_secrets(prompt, (), [call])
    direct_call = DirectCall(asked, secrets.get(call["id"]))
    return submit_prompt(user_id, f"Call of {tool.id}", permissions=permissions, call=direct_call)
