"""Python client of Pointsman's two APIs: `Fleet` for instances and operations, `Agent` for tools and prompts.

`generated` holds a function for each endpoint and a class for each JSON object, of the OpenAPI document; the modules
here add what a generator cannot: prompts that resume, repeats with an idempotency key, waiting, and one error.
"""

from .agent import Agent, AsyncAgent
from .errors import OperationFailed, PointsmanError, WaitTimeout
from .events import (
    ApprovalAsked,
    ApprovalDecided,
    CallStarted,
    Event,
    FileOutput,
    PromptCompleted,
    PromptCreated,
    PromptFailed,
    TextDelta,
    TextOutput,
    ToolOutput,
)
from .fleet import Fleet
from .prompt_stream import AsyncPromptStream, PromptStream
from .retries import RetryPolicy

__all__ = [
    "Agent",
    "ApprovalAsked",
    "ApprovalDecided",
    "AsyncAgent",
    "AsyncPromptStream",
    "CallStarted",
    "Event",
    "FileOutput",
    "Fleet",
    "OperationFailed",
    "PointsmanError",
    "PromptCompleted",
    "PromptCreated",
    "PromptFailed",
    "PromptStream",
    "RetryPolicy",
    "TextDelta",
    "TextOutput",
    "ToolOutput",
    "WaitTimeout",
]
