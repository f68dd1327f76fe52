"""``spatialkit completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from spatialkit.commands import toolkit

SHELLS = ("bash", "zsh", "fish")


@toolkit.command(
    'eval "$(spatialkit completion bash)"    # in ~/.bashrc',
    'eval "$(spatialkit completion zsh)"     # in ~/.zshrc',
    "spatialkit completion fish | source     # in ~/.config/fish/config.fish",
)
@click.argument("shell", type=click.Choice(SHELLS, case_sensitive=False))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script for completion with the Tab key.

    Add the line for your terminal to its startup file. The Tab key then completes commands,
    options, upmixers, options of upmixers, layouts, formats, decoders and downmix methods.
    """
    complete = get_completion_class(shell)
    assert complete is not None
    root = context.find_root()
    click.echo(complete(root.command, {}, "spatialkit", "_SPATIALKIT_COMPLETE").source())
