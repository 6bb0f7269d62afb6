"""A Telnyx provider under test and the data its tests share."""

from pointsman.settings.providers import TelnyxSettings

NUMBER = "+19705555098"
PLAN = {"phone_number": NUMBER, "customer_reference": "convos-agent-a", "messaging_profile_id": "p1"}
EMPTY_PAGE = {"data": [], "meta": {"total_pages": 1, "total_results": 0}}


def make_telnyx_settings(url="http://telnyx.test/v2", **changes):
    values = {"api_key": "KEY0123456789_secret", "messaging_profile_id": "", "url": url, "timeout": 5.0}
    return TelnyxSettings(**(values | changes))
