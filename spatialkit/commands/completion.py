"""``spatialkit completion``."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
)

from spatialkit.commands import toolkit

VARIABLE = "_SPATIALKIT_COMPLETE"
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
    click.echo(complete(root.command, {}, "spatialkit", VARIABLE).source())


class JoinedBashComplete(BashComplete):
    """Completion in bash of words that contain "=".

    Bash passes ``--layout=7`` and ``-O layout=7`` as several words and replaces the last of them.
    """

    def get_completion_args(self) -> tuple[list[str], str]:
        args, incomplete = super().get_completion_args()
        words: list[str] = []
        for word in (*args, incomplete):
            if words and (word == "=" or words[-1].endswith("=")):
                words[-1] += word
            else:
                words.append(word)
        self.is_joined = "=" in words[-1]
        return words[:-1], words[-1]

    def format_completion(self, item: CompletionItem[Any]) -> str:
        value = item.value.partition("=")[2] if self.is_joined and "=" in item.value else item.value
        return f"{item.type},{value}"


def register() -> None:
    """Make click use `JoinedBashComplete`."""
    add_completion_class(JoinedBashComplete, "bash")
