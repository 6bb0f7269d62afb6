"""What a schedule calls is wrapped in: a run that fails shows as an error of its function, and says nothing unsafe."""

import traceback
from collections.abc import Callable, Mapping

from .. import log
from ..errors import PointsmanError

__all__ = ["RunFailed", "scheduled_handler"]

Event = Mapping[str, object]
Result = dict[str, object]

log.preload()


class RunFailed(Exception):
    """A scheduled run did not do its work. Nobody tries it again: the schedule's next run comes anyway."""


def scheduled_handler(name: str, job: Callable[[Event], Result]) -> Callable[[Event, object], Result]:
    """Make the Lambda handler of a schedule of this name. `do` takes the event and returns counts, which are logged."""

    def handler(event: Event, _context: object) -> Result:
        log.set_context(schedule=name, request_id=str(event.get("id", "")))
        try:
            result = job(event)
        except PointsmanError as error:
            log.write("error", "run failed", code=error.code, reason=error.message)
            raise RunFailed(f"{name}: {error.message}") from None
        except Exception as error:  # noqa: BLE001 - whatever breaks, the function's errors must show it
            # Its message may hold anything, a secret too: only its kind and place are told.
            place = "".join(traceback.format_tb(error.__traceback__))
            log.write("error", "run broke off", error=type(error).__name__, place=place)
            raise RunFailed(f"{name}: unexpected {type(error).__name__}") from None
        log.write("info", "run done", result=result)
        return result

    return handler
