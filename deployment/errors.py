"""The error that the command line prints in one line, or one line for each problem, without a traceback."""


class DeploymentError(Exception):
    """Something that the deployer can fix; the message says what to change, and holds no secret."""
