"""``spatialkit train``."""

from __future__ import annotations

from importlib import import_module

import click

from spatialkit.commands import toolkit

MODELS = ("style-vae", "ambisonizer", "separator")


class _Models(click.Group):
    """Commands by model, imported when one is called: their recipes take long to import."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*MODELS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MODELS:
            return super().get_command(ctx, cmd_name)
        models = import_module("spatialkit_models.commands.train_models")
        command: click.Command = getattr(models, cmd_name.replace("-", "_"))
        return command


@click.group("train", cls=_Models)
@toolkit.debug_option
def command() -> None:
    """Train a model; --resume continues an interrupted run."""
