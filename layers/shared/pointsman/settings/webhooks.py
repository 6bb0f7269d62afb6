"""Settings of webhooks: the keys that their secrets are derived from, and whether loopback is a target."""

from .environment import read_choice, read_optional
from .secrets import read_required_secret, read_secret

__all__ = ["load_allows_loopback", "load_webhook_signing_keys"]

_LOOPBACK_ADDRESSES = ("http://127.0.0.1", "http://localhost", "http://[::1]")


def load_webhook_signing_keys() -> list[str]:
    """Return the keys from which the secrets of webhooks are derived: the present one, then the one before, if any.

    Raises:
        MissingSetting: there is no present one.
    """
    key = read_required_secret("WEBHOOK_SIGNING_KEY", "the secrets of webhooks are derived from it")
    return [key, *filter(None, [read_secret("WEBHOOK_SIGNING_KEY_OLD")])]


def load_allows_loopback() -> bool:
    """Return whether targets on loopback are allowed, over http too.

    Never where AWS is not simulated on this machine, whatever the setting says. Raises InvalidSetting.
    """
    is_on = read_choice("WEBHOOK_LOOPBACK_TARGETS", ("off", "on"), "off") == "on"
    return is_on and read_optional("AWS_ENDPOINT_URL").startswith(_LOOPBACK_ADDRESSES)
