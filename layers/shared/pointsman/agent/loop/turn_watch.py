"""What ends the wait for a model: the time of the turn is up, or the prompt is not this attempt's any more."""

import time

from ...db import prompt_runs
from ...db.connection import run_statement
from ...errors import PointsmanError
from .ownership import OwnedPrompt, OwnershipLost

__all__ = ["OutOfTime", "TurnWatch"]

_LOOK_INTERVAL_SECONDS = 2.0


class OutOfTime(Exception):
    """The time of the turn is up."""


class TurnWatch:
    """The `watch` of `ModelClient.respond`, which calls it twice a second.

    Args:
        owned: the prompt.
        seconds: how long the turn may take.
    """

    def __init__(self, owned: OwnedPrompt, seconds: float) -> None:
        self._owned = owned
        self._ends_at = time.monotonic() + seconds
        self._looks_at = time.monotonic() + _LOOK_INTERVAL_SECONDS

    def __call__(self) -> None:
        """Look at the clock, and every two seconds at the database.

        Raises:
            OutOfTime: the time is up.
            OwnershipLost: the prompt has ended, as when it is cancelled, or has another owner.
        """
        if time.monotonic() >= self._ends_at:
            raise OutOfTime
        if time.monotonic() < self._looks_at:
            return
        try:
            is_owned = run_statement(prompt_runs.is_owned_by, self._owned.prompt_run.id, self._owned.owner)
        except PointsmanError:
            is_owned = True  # The turn's commit waits for the database; the model need not.
        self._looks_at = time.monotonic() + _LOOK_INTERVAL_SECONDS
        if not is_owned:
            raise OwnershipLost
