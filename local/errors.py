"""What the runner tells a person: one line each, never a traceback."""


class RunnerError(Exception):
    """Something that the person at the keyboard can put right; the message says what, in one line."""


class TemplateError(RunnerError):
    """The template asks for something that the runner cannot do; the message names the resource."""
