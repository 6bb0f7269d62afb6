"""The fleet's limits: how many instances, how much they may spend, and how many one caller may destroy in a short time.

Each is checked under a lock in the transaction that inserts the operation, so that it holds exactly.
"""

from .. import log
from ..actor import get_actor
from ..db import fleet_usage, locks
from ..db.connection import Connection, run_in_transaction
from ..errors import DestroysHeld, FleetLimitReached
from ..metrics import emit_metrics
from ..settings.fleet_limits import DestroyHold, FleetLimits

__all__ = ["hold_destroys", "require_no_hold", "require_room", "require_spend"]


def require_room(db: Connection, instance_id: str, *, cap: float | None) -> None:
    """Require room for one more instance, and for its OpenRouter key.

    Args:
        db: the connection of the transaction that inserts the operation; the fleet's lock is held until its end.
        instance_id: the new instance.
        cap: the cap of its key in USD; None without a key.

    Raises:
        FleetLimitReached: the fleet may not become larger, or spend more.
    """
    limits = FleetLimits.load()
    if limits.max_instances:
        locks.lock_fleet_limits(db)
        others = fleet_usage.count_instances(db, instance_id)
        if others >= limits.max_instances:
            raise _limit_error("FLEET_MAX_INSTANCES", limits.max_instances, others, "instances")
    if cap is not None:
        require_spend(db, cap)


def require_spend(db: Connection, cap: float) -> None:
    """Require room for one more OpenRouter key with this spending cap, in USD.

    Args:
        db: the connection of the transaction that inserts the operation; the fleet's lock is held until its end.
        cap: the key's cap.

    Raises:
        FleetLimitReached: the caps' sum would exceed what the fleet may spend.
    """
    limits = FleetLimits.load()
    if not limits.max_spend:
        return
    locks.lock_fleet_limits(db)
    present = fleet_usage.sum_caps(db, limits.default_cap)
    if present + cap > limits.max_spend:
        raise _limit_error("FLEET_MAX_SPEND_USD", limits.max_spend, present, "USD of spending caps")


def require_no_hold(db: Connection, instance_id: str) -> None:
    """Raise DestroysHeld if the current actor has destroyed too many instances of late to destroy this one.

    A destroy of an instance that it has started to destroy is never held. Once a destroy was held, all are, until none
    has come for the whole period: a loop that repeats its requests must not get on at the limit's rate.

    Args:
        db: the connection of the transaction that inserts the operation; the actor's lock is held until its end.
        instance_id: the instance.
    """
    hold, actor = DestroyHold.load(), get_actor()
    if not hold.max_count:
        return
    locks.lock_destroys(db, actor.kind, actor.id)
    if fleet_usage.has_destroyed(db, actor.kind, actor.id, hold.seconds, instance_id):
        return
    count = fleet_usage.count_recent_destroys(db, actor.kind, actor.id, hold.seconds)
    if count >= hold.max_count or fleet_usage.is_held(db, actor.kind, actor.id, hold.seconds, hold.max_count):
        minutes = f"{hold.seconds / 60:g}"
        raise DestroysHeld(
            f"Held: {count} instances were destroyed in the last {minutes} minutes, and {hold.max_count} are allowed"
            f" (DESTROY_HOLD_COUNT). If you mean it, send the header Confirm-Destroy: {instance_id}; else wait until"
            f" no destroy has been held for {minutes} minutes",
            details={"recent": count, "allowed": hold.max_count, "minutes": hold.seconds / 60},
        )


def hold_destroys(instance_id: str) -> None:
    """Record, log and count that a destroy of the current actor is held."""
    actor = get_actor()
    run_in_transaction(fleet_usage.record_hold, actor.kind, actor.id, DestroyHold.load().max_count)
    emit_metrics({"DestroysHeld": 1})
    log.write("warning", "destroy held", instance_id=instance_id, caller_kind=actor.kind, caller=actor.id)


def _limit_error(setting: str, allowed: float, present: float, unit: str) -> FleetLimitReached:
    return FleetLimitReached(
        f"The fleet has {present:g} {unit}, and {setting} allows {allowed:g}: destroy what is not needed, or raise"
        f" {setting}",
        details={"limit": setting, "allowed": allowed, "present": present},
    )
