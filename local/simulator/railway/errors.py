"""Railway's business errors: HTTP 200, a text that is the only thing to tell them apart by, and a code that is not."""

INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"
NOT_AUTHORIZED = "Not Authorized"
PROCESSING_PROBLEM = "Problem processing request"
INSTANCE_NOT_FOUND = "ServiceInstance not found"
NO_SNAPSHOT = "Cannot redeploy without a snapshot"
REDEPLOY_TOO_EARLY = "Cannot redeploy yet, please wait for the original deployment to finish building"
PROJECT_THROTTLE = "You are creating projects too quickly. This workspace allows 1 project per 30 seconds"


class BusinessError(Exception):
    """Raised by resolvers; `code` goes into `extensions`."""

    def __init__(self, message: str, code: str = INTERNAL_SERVER_ERROR) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def name_taken_error(name: str) -> BusinessError:
    return BusinessError(f'A service named "{name}" already exists in this project')


def not_found_error(kind: str) -> BusinessError:
    return BusinessError(f"{kind} not found")
