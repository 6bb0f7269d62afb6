"""Telnyx's state. The status of an order or number depends on time and is computed on each read."""

import secrets
from dataclasses import dataclass, field
from uuid import uuid4

SEEDED_PROFILE_ID = "5a1e0000-0000-4000-8000-00000000000a"
MONTHLY_USD = 1.0
UPFRONT_USD = 1.0


@dataclass
class PhoneNumber:
    """A number since its order. The order ends at `active_at`; reads show the number from `visible_at`."""

    id: str
    phone_number: str
    created_at: float
    active_at: float
    visible_at: float
    order_id: str | None = None
    failed: bool = False
    tags: list[str] = field(default_factory=list[str])
    customer_reference: str | None = None
    messaging_profile_id: str | None = None
    connection_id: str | None = None
    billing_group_id: str | None = None
    external_pin: str | None = None
    address_id: str | None = None
    hd_voice_enabled: bool = False
    deletion_lock_enabled: bool = False
    deleted_at: float | None = None

    def is_owned(self, now: float) -> bool:
        """Whether the account owns the number or has ordered it (a pending order counts, a failed one does not)."""
        return self.deleted_at is None and not (self.failed and now >= self.active_at)

    def is_visible(self, now: float) -> bool:
        """Whether reads show the number; `visible_at` models Telnyx's delay after an order."""
        return self.is_owned(now) and now >= self.visible_at


@dataclass
class OrderedNumber:
    """A number within an order; Telnyx gives this entry an id of its own, unequal to the number's."""

    id: str
    phone_number: str
    failed: bool


@dataclass
class NumberOrder:
    """An order of phone numbers (E.164); it is pending until `ends_at`."""

    id: str
    created_at: float
    ends_at: float
    numbers: list[OrderedNumber]
    sub_order_id: str
    customer_reference: str | None = None
    messaging_profile_id: str | None = None
    connection_id: str | None = None
    billing_group_id: str | None = None
    updated_at: float | None = None

    def status_at(self, now: float) -> str:
        """Return `pending`, then `failure` if all numbers failed, else `success`."""
        if now < self.ends_at:
            return "pending"
        return "failure" if all(number.failed for number in self.numbers) else "success"


@dataclass
class MessagingProfile:
    """A messaging profile; `whitelisted_destinations` are ISO country codes."""

    id: str
    name: str
    created_at: float
    whitelisted_destinations: list[str]
    enabled: bool = True
    webhook_url: str | None = None
    webhook_failover_url: str | None = None
    webhook_api_version: str = "2"
    daily_spend_limit: str | None = None
    daily_spend_limit_enabled: bool = False
    updated_at: float | None = None
    deleted_at: float | None = None


@dataclass
class NumberReservation:
    """A reservation of phone numbers (E.164), valid until `ends_at`."""

    id: str
    phone_numbers: list[str]
    customer_reference: str | None
    created_at: float
    ends_at: float


@dataclass
class TelnyxState:
    """Objects by id; `searched_at` and `released_at` map a number (E.164) to the time of its last search or release."""

    numbers: dict[str, PhoneNumber] = field(default_factory=dict[str, PhoneNumber])
    orders: dict[str, NumberOrder] = field(default_factory=dict[str, NumberOrder])
    profiles: dict[str, MessagingProfile] = field(default_factory=dict[str, MessagingProfile])
    reservations: dict[str, NumberReservation] = field(default_factory=dict[str, NumberReservation])
    searched_at: dict[str, float] = field(default_factory=dict[str, float])
    released_at: dict[str, float] = field(default_factory=dict[str, float])
    spent_usd: float = 0.0

    def find_owned(self, phone_number: str, now: float) -> PhoneNumber | None:
        """Return the number with this E.164 form if the account owns it or has ordered it, else None."""
        for number in self.numbers.values():
            if number.phone_number == phone_number and number.is_owned(now):
                return number
        return None

    def list_owned_numbers(self, now: float) -> set[str]:
        """Return the E.164 forms of all numbers that the account owns or has ordered."""
        return {number.phone_number for number in self.numbers.values() if number.is_owned(now)}

    def find_visible(self, id_or_e164: str, now: float, allows_e164: bool) -> PhoneNumber | None:
        """Return the visible number with this id or, if `allows_e164`, with this E.164 form."""
        number = self.numbers.get(id_or_e164)
        if number is None and allows_e164 and id_or_e164.startswith("+"):
            number = self.find_owned(id_or_e164, now)
        return number if number is not None and number.is_visible(now) else None

    def find_profile(self, profile_id: str) -> MessagingProfile | None:
        """Return the messaging profile with this id, or None if it does not exist or is deleted."""
        profile = self.profiles.get(profile_id)
        return profile if profile is not None and profile.deleted_at is None else None


def create_telnyx_state() -> TelnyxState:
    """Create the initial state: one messaging profile."""
    state = TelnyxState()
    state.profiles[SEEDED_PROFILE_ID] = MessagingProfile(SEEDED_PROFILE_ID, "sim", 1_700_000_000.0, ["US"])
    return state


def new_number_id() -> str:
    """Return a random 64-bit integer as a string, the form of Telnyx's number ids."""
    return str(10**18 + secrets.randbelow(8 * 10**18))


def new_number(phone_number: str, now: float, active_at: float, visible_at: float) -> PhoneNumber:
    """Build a number ordered at `now`; `phone_number` is E.164. The caller stores it."""
    return PhoneNumber(new_number_id(), phone_number, now, active_at, visible_at)


def new_uuid() -> str:
    """Return a random UUID, the form of Telnyx's ids other than those of numbers."""
    return str(uuid4())
