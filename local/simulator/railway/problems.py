"""Railway's business errors: HTTP 200, a text that is the only thing to tell them apart by, and a code that is not."""

INTERNAL = "INTERNAL_SERVER_ERROR"
NOT_AUTHORIZED = "Not Authorized"
PROCESSING = "Problem processing request"
NO_INSTANCE = "ServiceInstance not found"
NO_SNAPSHOT = "Cannot redeploy without a snapshot"
REDEPLOY_TOO_EARLY = "Cannot redeploy yet, please wait for the original deployment to finish building"
PROJECT_THROTTLE = "You are creating projects too quickly. This workspace allows 1 project per 30 seconds"


class Problem(Exception):
    """Raised by resolvers; `code` goes into `extensions`."""

    def __init__(self, message: str, code: str = INTERNAL) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def name_taken(name: str) -> Problem:
    return Problem(f'A service named "{name}" already exists in this project')


def not_found(kind: str) -> Problem:
    return Problem(f"{kind} not found")
