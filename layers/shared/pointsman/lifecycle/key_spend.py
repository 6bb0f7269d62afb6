"""Key spend: caps and usage of OpenRouter's keys, recorded whenever the keys are listed anyway."""

from ..db import key_spend
from ..db.connection import run_in_transaction
from ..db.key_spend import ListedKey
from ..redaction import redact_code
from .openrouter_spend import parse_amount
from .provider_inventory import Inventory, InventoryItem

__all__ = ["record_spend"]


def record_spend(inventory: Inventory) -> None:
    """Record caps and usage of the keys of OpenRouter's inventory; what is recorded of others is deleted.

    Raises:
        DatabaseUnavailable: the database cannot be reached; what was recorded before stays.
    """
    run_in_transaction(key_spend.replace, [_to_listed_key(item) for item in inventory.items])


def _to_listed_key(item: InventoryItem) -> ListedKey:
    meta = item.meta
    reset = meta.get("limit_reset")
    return ListedKey(
        item.id,
        cap=parse_amount(meta.get("limit")),
        remaining=parse_amount(meta.get("limit_remaining")),
        usage=parse_amount(meta.get("usage")),
        cap_reset=reset and redact_code(reset),
    )
