"""Options and arguments that several commands have, and the decorator of a command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from spatialkit.layouts import Layout

OUTPUT_HELP = "File to write: .wav, .flac; .ogg or .opus if mono or stereo."
FILE = click.Path(path_type=Path)
LAYOUT_FILE = "a .json file of IEM or SPARTA"


class LayoutName(click.ParamType):
    """Name of a layout or format, or the `Layout` in a file of JSON."""

    name = "layout"

    def convert(self, value: Any, param: Any, ctx: Any) -> str | Layout:
        return resolve_layout(value) if isinstance(value, str) else value


def resolve_layout(name: str) -> str | Layout:
    """``name`` itself, or the layout in the file if it ends in .json."""
    if not name.lower().endswith(".json"):
        return name
    from spatialkit.layouts import get_layout

    return get_layout(name)


def _note_debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and context.obj is not None:
        context.obj["debug"] = True


debug_option = click.option(
    "--debug",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_note_debug,
    help="Show the traceback of an error.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
force_option = click.option("--force", is_flag=True, help="Replace an existing output.")
file_argument = click.argument("source", metavar="IN", type=FILE)
output_option = click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=FILE,
    help=OUTPUT_HELP,
)
from_option = click.option(
    "--from",
    "source_format",
    type=LayoutName(),
    metavar="FORMAT",
    help=f"What the channels of IN are, if IN does not say: a layout, {LAYOUT_FILE}, or "
    "ambix1 ... ambix7, fuma1 ... fuma3.",
)
layout_option = click.option(
    "--layout",
    type=LayoutName(),
    metavar="NAME",
    default="5.0",
    show_default=True,
    help=f"See: spatialkit layouts; or {LAYOUT_FILE}.",
)


def command(*examples: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function: called as its module, with examples below its help."""

    def make(function: Callable[..., Any]) -> click.Command:
        name = function.__module__.rpartition(".")[2]
        title = "Examples:" if len(examples) > 1 else "Example:"
        epilog = "\n".join(["\b", title, *(f"  {example}" for example in examples)])
        return debug_option(click.command(name, epilog=epilog)(function))

    return make
