"""A fixed-window rate limit per provider."""

from dataclasses import dataclass

from local.simulator.config import RateLimit

UNLIMITED = 10_000
"""The limit that headers report when there is none."""


@dataclass
class RateLimiter:
    """Counts one provider's requests in fixed windows; times are epoch seconds."""

    rule: RateLimit
    window_start: float = 0.0
    used: int = 0

    def admit(self, now: float) -> bool:
        """Count a request; return whether the window's limit admits it."""
        if now - self.window_start >= self.rule.window_s:
            self.window_start, self.used = now, 0
        self.used += 1
        return self.rule.requests is None or self.used <= self.rule.requests

    def seconds_until_reset(self, now: float) -> float:
        """Return the seconds until the current window ends, 0 when it has ended."""
        return max(0.0, self.window_start + self.rule.window_s - now)

    @property
    def limit(self) -> int:
        """Requests per window, for the headers."""
        return UNLIMITED if self.rule.requests is None else self.rule.requests

    @property
    def remaining(self) -> int:
        """Requests left in the current window."""
        return max(0, self.limit - self.used)

    @property
    def reset_at(self) -> float:
        """The end of the current window, in epoch seconds."""
        return self.window_start + self.rule.window_s
