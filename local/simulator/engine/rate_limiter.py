"""A fixed-window rate limit, counted per provider, and the headers that tell of it."""

from dataclasses import dataclass

from local.simulator.config import RateLimit

UNLIMITED = 10_000
"""The budget that headers show when nothing is limited."""


@dataclass
class RateLimiter:
    rule: RateLimit
    window_start: float = 0.0
    used: int = 0

    def admit(self, now: float) -> bool:
        """Count a request; false when the window's budget is spent."""
        if now - self.window_start >= self.rule.window_s:
            self.window_start, self.used = now, 0
        self.used += 1
        return self.rule.requests is None or self.used <= self.rule.requests

    def seconds_until_reset(self, now: float) -> float:
        return max(0.0, self.window_start + self.rule.window_s - now)

    @property
    def limit(self) -> int:
        return UNLIMITED if self.rule.requests is None else self.rule.requests

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def reset_at(self) -> float:
        return self.window_start + self.rule.window_s
