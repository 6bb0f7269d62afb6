"""The developer's own Postgres, which `SERVICE_DATABASE_URL` names in place of the embedded one."""

import psycopg

from local.errors import RunnerError
from local.settings import redact_database_url


def verify_database_connection(url: str) -> None:
    """Connect once.

    Args:
        url: A `postgresql://` address, with its password.

    Raises:
        RunnerError: The database cannot be reached; the message does not contain the password.
    """
    try:
        with psycopg.connect(url, connect_timeout=5):
            return
    except (psycopg.Error, ValueError) as error:
        reason = " ".join(str(error).split())
        # libpq quotes what it cannot parse, and that may contain the password.
        if not isinstance(error, psycopg.OperationalError) or "connection option" in reason:
            reason = "it is no address of a Postgres"
        raise RunnerError(f"the database {redact_database_url(url)} cannot be reached: {reason}"[:400]) from None
