"""``spatialkit listening-test``, a group of commands."""

from __future__ import annotations

import click

from spatialkit.commands import toolkit
from spatialkit.commands.listening_test.analyse import analyse
from spatialkit.commands.listening_test.build import build


@click.group(
    "listening-test",
    epilog="\b\nExample:\n  spatialkit listening-test build abx -c a=a.wav -c b=b.wav -o test.html",
)
@toolkit.debug_option
def command() -> None:
    """Build listening tests and analyse their answers."""


@command.command("plan", epilog="\b\nExample:\n  spatialkit listening-test plan")
@click.option(
    "--probability",
    "probabilities",
    type=float,
    metavar="P",
    multiple=True,
    help="Probability of a correct answer, above 0.5 (repeatable).",
)
@toolkit.debug_option
def plan(probabilities: tuple[float, ...]) -> None:
    """Print how many trials an ABX or preference test needs.

    The power is the probability that a one-sided exact binomial test is significant at 5 %.
    """
    from spatialkit.listening import planning_table

    table = planning_table(probabilities) if probabilities else planning_table()
    toolkit.print_text(table)


command.add_command(build)
command.add_command(analyse)
