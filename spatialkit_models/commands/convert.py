"""``spatialkit convert-checkpoint``."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from pathlib import Path

import click

from spatialkit._checks import extra
from spatialkit.commands import _common
from spatialkit.errors import OptionError

NEEDED = ("torch", "safetensors")


@click.command(
    "convert-checkpoint",
    epilog="\b\nExample:\n  spatialkit convert-checkpoint best_model.pth -o published.safetensors",
)
@_common.file_argument
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=_common.FILE,
    help="File to write, .safetensors; its card goes beside it, .json.",
)
@_common.force_option
@_common.json_option
@_common.debug_option
def command(source: Path, output: Path, force: bool, as_json: bool) -> None:
    """Turn the Ambisonizer's released weights into safetensors.

    IN, their .pth file, is read as plain tensors: nothing in it is run. The weights that the
    authors released were trained on MUSDB18-HQ, which is not for commercial use.
    """
    if output.suffix != ".safetensors":
        raise OptionError(f"the output must be a .safetensors file, got {output}")
    missing = [module for module in NEEDED if find_spec(module) is None]
    if missing:
        raise OptionError(f"converting needs {missing[0]}: {extra('models')}")
    card_file = output.with_suffix(".json")
    _common.check_outputs([output, card_file], [source], force)
    from spatialkit_models._ambisonizer_checkpoint import convert_checkpoint

    card = convert_checkpoint(source, output)
    if as_json:
        facts = {"output": str(output), "card_file": str(card_file)}
        _common.print_json({**facts, **dataclasses.asdict(card)})
        return
    click.echo(
        f"{_common.printable(str(output))}: published Ambisonizer, {card.parameters:,} parameters; "
        f"card {_common.printable(str(card_file))}"
    )
