"""The quota of open streams: each stream holds a lease on one of its user's slots, and on one of everybody's.

A lease is renewed while its stream is open, so the stream of a process that has died stops counting once its lease has
expired. On AWS nothing tells a function that its client is gone, and it streams on to its limit. So a user without a
free slot who asks for a prompt that one of their open streams shows makes the oldest such stream end at its next
renewal.
"""

import math
import time
import uuid
from contextlib import suppress
from itertools import count

from ..db import stream_leases, user_prompts
from ..db.connection import run_statement
from ..errors import DatabaseUnavailable
from ..settings.prompts import StreamSettings
from .quotas import build_quota_error

__all__ = ["StreamLease"]

_RENEWALS_PER_LEASE = 3
"""So a lease outlives two renewals that fail."""


class StreamLease:
    """A stream's lease, acquired by `acquire`. It must be released.

    Attributes:
        prompt_id: The prompt that the stream shows; None before that exists.
        is_lost: Whether the stream has to end, because its slot was recalled or taken.
    """

    def __init__(self, user_id: str, prompt_id: str | None, duration: float) -> None:
        self.prompt_id = prompt_id
        self.is_lost = False
        self._id, self._user_id, self._duration = uuid.uuid4().hex, user_id, duration
        self._is_held = True
        self._owners = 0
        self._plan_renewal()

    @classmethod
    def acquire(cls, user_id: str, prompt_id: str | None) -> "StreamLease":
        """Acquire a lease for a stream that is about to open.

        Args:
            user_id: Whose stream it is.
            prompt_id: The prompt that it will show, which need not exist; None if it does not exist yet.

        Raises:
            QuotaExceeded: The user, or all users together, have as many open streams as the settings allow.
            InvalidSetting: A setting of the limit is wrong.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        settings = StreamSettings.load()
        shown_id = prompt_id if prompt_id is not None and user_prompts.is_prompt_id(prompt_id) else None
        lease = cls(user_id, shown_id, settings.lease_duration)
        retry_after = math.ceil(settings.lease_duration / _RENEWALS_PER_LEASE)
        try:
            if not lease._take_slot(user_id, settings.per_user):
                raise build_quota_error("open_streams", settings.per_user or 0, "user", retry_after)
            if settings.for_all is not None and not lease._take_slot(stream_leases.EVERYBODY, settings.for_all):
                raise build_quota_error("open_streams", settings.for_all, "all", retry_after)
        except BaseException:
            lease.release()
            raise
        return lease

    def seconds_until_renewal(self) -> float:
        """Return after how many seconds the next renewal is due; 0 if it is."""
        return max(self._next_renewal_at - time.monotonic(), 0.0)

    def renew_if_due(self) -> None:
        """Renew the lease if that is due. While Postgres is away, the next renewal tries again."""
        if self.seconds_until_renewal() > 0:
            return
        with suppress(DatabaseUnavailable):
            renewed = run_statement(stream_leases.renew, self._id, self._user_id, self.prompt_id, self._duration)
            self.is_lost = renewed.owners < self._owners or renewed.is_recalled
        self._plan_renewal()

    def release(self) -> None:
        """Release the lease, if it is held. A lease that cannot be released expires."""
        if self._is_held:
            self._is_held = False
            with suppress(DatabaseUnavailable):
                run_statement(stream_leases.release, self._id, self._user_id)

    def _plan_renewal(self) -> None:
        self._next_renewal_at = time.monotonic() + self._duration / _RENEWALS_PER_LEASE

    def _take_slot(self, owner: str, slots: int | None) -> bool:
        """Take one of the owner's slots; False if there is none. Without a limit there always is."""
        # Another stream may be faster, but only so often: then all slots are taken.
        for _ in count() if slots is None else range(slots):
            search = run_statement(stream_leases.take_slot, self._id, owner, self.prompt_id, slots, self._duration)
            if search.is_taken:
                self._owners += 1
                return True
            if not search.has_free_slot:
                if owner == self._user_id and self.prompt_id is not None:
                    run_statement(stream_leases.recall_oldest, self._user_id, self.prompt_id)
                return False
        return False
