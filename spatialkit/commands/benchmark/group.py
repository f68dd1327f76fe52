"""``spatialkit benchmark``, a group of commands.

Other packages add commands with entry points in the group ``spatialkit.benchmarks``, each naming a
`click.Command`.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from spatialkit.commands import toolkit
from spatialkit.commands.benchmark.rendering import binaural, foa
from spatialkit.commands.benchmark.upmix import upmix
from spatialkit.commands.plugins import PluginGroup

__all__ = ["command"]

GROUP = "spatialkit.benchmarks"


def _list(context: click.Context, parameter: click.Parameter, is_listed: bool) -> None:
    """Print the benchmarks and the names of systems."""
    if not is_listed or context.resilient_parsing:
        return
    group = context.command
    assert isinstance(group, PluginGroup)
    formatter = click.HelpFormatter(width=80)
    group.format_commands(context, formatter)
    for line in formatter.getvalue().replace("Commands:", "Benchmarks:").splitlines():
        toolkit.print_line(line)
    toolkit.print_line("")
    for kind, names in _systems():
        toolkit.print_wrapped(f"{kind}: {names}", first=0, rest=2)
    context.exit()


def _systems() -> Iterator[tuple[str, str]]:
    """Yield kinds of systems and their names."""
    from spatialkit.benchmarks import PROGRAMS, binaural_methods, foa_methods
    from spatialkit.binaural import read_hrtf
    from spatialkit.layouts import get_layout
    from spatialkit.upmixing import upmixer_names

    layout = get_layout("7.1.4")
    yield "Upmixers", ", ".join(upmixer_names())
    states = (f"{name} ({each.version() or 'not installed'})" for name, each in PROGRAMS.items())
    yield "Programs of others, used like upmixers", ", ".join(states)
    yield "Decoders of foa", ", ".join(foa_methods(layout))
    yield "Methods of binaural", ", ".join(binaural_methods(layout, read_hrtf()))
    yield "Any other system", "your programs and folders of outputs, objects in Python"


@click.group(
    "benchmark",
    cls=PluginGroup,
    plugins=GROUP,
    epilog="\b\nExamples:\n  spatialkit benchmark --list\n"
    "  spatialkit benchmark upmix --layout 7.1.4",
)
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list,
    help="List the benchmarks and the systems that they know by name.",
)
@toolkit.debug_option
def command() -> None:
    """Measure upmixers, decoders and binaural renderers.

    Your programs are measured beside those of spatialkit: see the options --command and --estimates
    of each benchmark.
    """


for each in (upmix, foa, binaural):
    command.add_command(each)
