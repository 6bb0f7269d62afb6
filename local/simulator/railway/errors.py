"""Railway's business errors: HTTP 200, and one code for most of them; only the message tells them apart."""

INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"
NOT_AUTHORIZED = "Not Authorized"
PROCESSING_PROBLEM = "Problem processing request"
INSTANCE_NOT_FOUND = "ServiceInstance not found"
NO_SNAPSHOT = "Cannot redeploy without a snapshot"
REDEPLOY_TOO_EARLY = "Cannot redeploy yet, please wait for the original deployment to finish building"
PROJECT_THROTTLE = "You are creating projects too quickly. This workspace allows 1 project per 30 seconds"


class BusinessError(Exception):
    """An error that a resolver raises; `code` becomes `extensions.code`."""

    def __init__(self, message: str, code: str = INTERNAL_SERVER_ERROR) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def name_taken_error(name: str) -> BusinessError:
    """Build the error of a service name that is already used in the project."""
    return BusinessError(f'A service named "{name}" already exists in this project')


def not_found_error(kind: str) -> BusinessError:
    """Build the error of a missing object; `kind` is its GraphQL type."""
    return BusinessError(f"{kind} not found")
