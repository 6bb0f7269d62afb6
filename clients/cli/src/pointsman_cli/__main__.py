"""The program `pointsman`."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from .commands import approvals, audit, instances, logs, operations, profiles, prompts, tools

app = typer.Typer(
    name="pointsman",
    help="Pointsman's fleet, operations, prompts, approvals and tools. Exit codes: 0 done, 1 failure, 2 usage,"
    " 3 credential missing or refused, 4 not found, 5 an operation or a prompt failed, 6 timeout, 7 needs a person's"
    " approval, 130 interrupted.",
    no_args_is_help=True,
    # A traceback with the values of variables would show credentials.
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for name, module in (
    ("instances", instances),
    ("operations", operations),
    ("prompts", prompts),
    ("approvals", approvals),
    ("tools", tools),
    ("profiles", profiles),
):
    app.add_typer(module.group, name=name)
audit.add_to(app)
logs.add_to(app)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        sys.stdout.write(f"pointsman {version('pointsman-cli')}\n")
        raise typer.Exit


@app.callback()
def _take_options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the program."""
    app()


if __name__ == "__main__":
    main()
