"""``spatialkit convert-checkpoint``."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from pathlib import Path

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError
from spatialkit.validation import extra

NEEDED = ("torch", "safetensors")


@click.command(
    "convert-checkpoint",
    epilog="\b\nExample:\n  spatialkit convert-checkpoint best_model.pth -o published.safetensors",
)
@toolkit.file_argument
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=toolkit.FILE,
    help="Output file (.safetensors); its model card (.json) is written beside it.",
)
@toolkit.force_option
@toolkit.json_option
@toolkit.debug_option
def command(source: Path, output: Path, force: bool, as_json: bool) -> None:
    """Convert weights of the published Ambisonizer to safetensors.

    IN, the .pth file of the authors, is read as plain tensors; no code in it is executed. A prefix
    of all names (module.), a state under the key state_dict, model or model_state_dict, float16 and
    bfloat16 are accepted. The released weights were trained on MUSDB18-HQ, which is for
    non-commercial use only.
    """
    if output.suffix != ".safetensors":
        raise OptionError(
            f"unsupported output extension {output.suffix!r} of {output}; use .safetensors"
        )
    missing = [module for module in NEEDED if find_spec(module) is None]
    if missing:
        raise OptionError(f"converting needs {missing[0]}: {extra('models')}")
    card_file = output.with_suffix(".json")
    toolkit.check_outputs([output, card_file], [source], force)
    from spatialkit_models.ambisonizer.published import convert_checkpoint

    card = convert_checkpoint(source, output)
    if as_json:
        facts = {"output": str(output), "card_file": str(card_file)}
        toolkit.print_json({**facts, **dataclasses.asdict(card)})
        return
    toolkit.print_line(
        f"{output}: published Ambisonizer, {card.parameters:,} parameters; card {card_file}"
    )
