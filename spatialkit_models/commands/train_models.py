"""Commands of ``spatialkit train``, one for each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError
from spatialkit_models.ambisonizer import RECIPES as AMBISONIZER_RECIPES
from spatialkit_models.commands.scenes import normalization_option
from spatialkit_models.commands.training_options import (
    run_training,
    splits_option,
    stems_option,
    training_options,
)
from spatialkit_models.separation import RECIPES as SEPARATOR_RECIPES
from spatialkit_models.style_vae import RECIPES as STYLE_RECIPES
from spatialkit_models.training import Recipe, restore_recipe

if TYPE_CHECKING:
    from spatialkit_models.data.scenes import WXYNormalization
    from spatialkit_models.training import Task


@click.command(
    "style-vae",
    epilog="\b\nExamples:\n"
    "  spatialkit train style-vae --stems musdb18hq/ --out run/ --minutes 60\n"
    "  spatialkit train style-vae --stems musdb18hq/:3 --stems procedural:1 \\\n"
    "    --out run/ --steps 20000 --resume\n"
    "  spatialkit train style-vae --stems musdb18hq/ --recordings concerts/ \\\n"
    "    --start run/best.safetensors --learning-rate 3e-4 --out tuned/ --minutes 10",
)
@stems_option()
@splits_option
@click.option(
    "--preset",
    type=click.Choice(tuple(STYLE_RECIPES)),
    help="Recipe: fast (stem masks and panning) or paper (published network and training).  "
    "[default: fast]",
)
@click.option(
    "--start",
    metavar="FILE",
    type=toolkit.FILE,
    help="Train these weights further (.safetensors with card); excludes --preset.",
)
@click.option(
    "--recordings",
    metavar="DIR",
    type=toolkit.FILE,
    help="Train on the 5.0 and 5.1 files in this directory, and validate on --stems.",
)
@training_options(STYLE_RECIPES)
@toolkit.debug_option
def style_vae(
    stems: Sequence[tuple[str, float]],
    splits: Sequence[tuple[str, str]],
    preset: str | None,
    start: Path | None,
    recordings: Path | None,
    out: Path,
    settings: Mapping[str, Any],
    run: Mapping[str, Any],
) -> int:
    """Train the VAE that upmixes in the style of another song.

    The training examples are stems of songs, panned at random. A dataset directory has one folder
    per song with vocals, drums, bass and other (.wav, .flac, .ogg), such as MUSDB18-HQ; the dataset
    "procedural" is generated. Several datasets are sampled in proportion to their weights.

    The weights that are best on held-out songs are saved: songs of the split "valid" (the list of
    MUSDB18, a folder named valid, or one song in ten).
    """
    from spatialkit_models.style_vae import style_task

    recipe, network = STYLE_RECIPES[preset or "fast"], None
    if start:
        _require_no_preset(preset)
        recipe, network = _restore(start, "style-vae", STYLE_RECIPES)

    def task(recipe: Recipe, shards: int) -> Task:
        return style_task(
            recipe,
            stems,
            start=network,
            recordings=recordings,
            splits=dict(splits),
            shards=shards,
        )

    return run_training(recipe, task, out, settings, run)


@click.command(
    "ambisonizer",
    epilog="\b\nExamples:\n"
    "  spatialkit rooms --out rooms/ --count 200\n"
    "  spatialkit train ambisonizer --stems musdb18hq/ --rooms rooms/ \\\n"
    "    --out run/ --minutes 60\n"
    "  spatialkit train ambisonizer --preset published --scenes scenes/ \\\n"
    "    --out run/ --steps 100000",
)
@stems_option(required=False)
@click.option(
    "--rooms",
    multiple=True,
    metavar="DIR",
    type=toolkit.FILE,
    help="Directory of first-order room responses, simulated or measured (repeatable).",
)
@click.option(
    "--room-format",
    metavar="FORMAT",
    default="ambix1",
    show_default=True,
    help="Format of measured responses: ambix1, N3D-ACN-1, fuma1 ...",
)
@splits_option
@click.option(
    "--scenes",
    metavar="DIR",
    type=toolkit.FILE,
    help="Train preset published on scenes in this directory (see above), without --stems.",
)
@normalization_option
@click.option(
    "--preset",
    type=click.Choice(tuple(AMBISONIZER_RECIPES)),
    help="Recipe: stage (mixes on specified stages), uniform (sources all around) or published "
    "(needs a GPU).  [default: stage]",
)
@click.option(
    "--start",
    metavar="FILE",
    type=toolkit.FILE,
    help="Train these weights further (excludes --preset), or start with masks of style-vae.",
)
@training_options(AMBISONIZER_RECIPES)
@toolkit.debug_option
def ambisonizer(
    stems: Sequence[tuple[str, float]],
    rooms: Sequence[Path],
    room_format: str,
    splits: Sequence[tuple[str, str]],
    scenes: Path | None,
    normalization: WXYNormalization,
    preset: str | None,
    start: Path | None,
    out: Path,
    settings: Mapping[str, Any],
    run: Mapping[str, Any],
) -> int:
    """Train the network that upmixes to Ambisonics.

    The training examples are stems of songs, as mixed and in rooms. A dataset directory has one
    folder per song with vocals, drums, bass and other (.wav, .flac, .ogg), such as MUSDB18-HQ; the
    dataset "procedural" is generated. Several datasets are sampled in proportion to their weights.
    "spatialkit rooms" simulates rooms.

    The weights that are best on held-out songs and rooms are saved: those of the split "valid" (a
    folder named valid, the list of MUSDB18, or one in ten).

    --start continues with weights of ambisonizer. Weights of a fast style-vae provide the stem
    masks of a new network with --preset stage or uniform.

    The published network can also be trained on <split>/<scene>/{W,X,Y}.wav, from spatialkit scenes
    or from the script of its authors.
    """
    recipe, network, masks = _ambisonizer_start(start, preset)
    published = recipe.architecture == "ambisonizer-published"
    if scenes and not published:
        raise OptionError(
            f"--scenes has no stems, which preset {recipe.name} is trained on: use --preset "
            "published"
        )
    if scenes and (stems or rooms):
        raise OptionError("--scenes excludes --stems and --rooms: use either")
    if not scenes and not stems:
        raise OptionError("--stems is missing: pass songs, or --scenes with --preset published")

    def task(recipe: Recipe, shards: int) -> Task:
        if scenes:
            from spatialkit_models.ambisonizer.published import PublishedTask

            return PublishedTask.from_files(
                recipe, scenes, start=network, normalization=normalization, shards=shards
            )
        shared: dict[str, Any] = {
            "start": network,
            "room_format": room_format,
            "splits": dict(splits),
            "shards": shards,
        }
        if published:
            from spatialkit_models.ambisonizer.published import published_task

            return published_task(recipe, stems, rooms, **shared)
        from spatialkit_models.ambisonizer import ambisonizer_task

        return ambisonizer_task(recipe, stems, rooms, masks=masks, **shared)

    return run_training(recipe, task, out, settings, run)


@click.command(
    "separator",
    epilog="\b\nExamples:\n"
    "  spatialkit train separator --stems musdb18hq/ --cache powers/ --out run/ --minutes 60\n"
    "  spatialkit train separator --stems songs/:2 --stems rendered/:1 --cache powers/ \\\n"
    "    --out run/ --steps 20000 --resume",
)
@stems_option()
@splits_option
@click.option(
    "--cache",
    required=True,
    metavar="DIR",
    type=toolkit.FILE,
    help="Directory for the powers of stems, which are computed once: 0.75 MB per second of music.",
)
@click.option(
    "--start",
    metavar="FILE",
    type=toolkit.FILE,
    help="Train these weights further (.safetensors, with its card).",
)
@training_options(SEPARATOR_RECIPES)
@toolkit.debug_option
def separator(
    stems: Sequence[tuple[str, float]],
    splits: Sequence[tuple[str, str]],
    cache: Path,
    start: Path | None,
    out: Path,
    settings: Mapping[str, Any],
    run: Mapping[str, Any],
) -> int:
    """Train the masks that separate vocals, drums, bass and other.

    The training examples are mixes of the powers of stems. The weights with the highest SDR on
    held-out songs as they are mixed are saved: songs of the split "valid" (MUSDB18's own list, a
    folder called valid, or one song in ten). Stems that a song has in one file only, such as
    vocals+drums+bass.wav, are trained as one.
    """
    from spatialkit_models.separation import separator_task

    recipe, network = SEPARATOR_RECIPES["masks"], None
    if start:
        recipe, network = _restore(start, "separator", SEPARATOR_RECIPES)

    def task(recipe: Recipe, shards: int) -> Task:
        return separator_task(recipe, stems, cache=cache, start=network, splits=dict(splits))

    return run_training(recipe, task, out, settings, run)


def _ambisonizer_start(start: Path | None, preset: str | None) -> tuple[Recipe, Any, Any]:
    """Return the recipe, the network to train further or None, and masks to start with or None."""
    from spatialkit_models.weights import load_weights, read_card

    recipe = AMBISONIZER_RECIPES[preset or "stage"]
    if not start:
        return recipe, None, None
    card = read_card(start)
    if card.model != "style-vae":
        _require_no_preset(preset)
        return *_restore(start, "ambisonizer", AMBISONIZER_RECIPES), None
    if card.architecture != "style-vae-fast":
        raise OptionError(
            f"--start {start} has the architecture {card.architecture}, which has no stem masks; "
            "use an Ambisonizer or a fast style-vae"
        )
    if recipe.architecture != "ambisonizer-stage":
        raise OptionError(
            f"--start with a style-vae needs a preset with stem masks (stage or uniform), got "
            f"--preset {recipe.name}"
        )
    vae, _ = load_weights(start, "style-vae")
    return recipe, None, vae.masks


def _require_no_preset(preset: str | None) -> None:
    if preset:
        raise OptionError(
            "--start and --preset are mutually exclusive (the weights file defines the "
            "architecture): leave out --preset"
        )


def _restore(start: Path, model: str, recipes: Mapping[str, Recipe]) -> tuple[Recipe, Any]:
    """Return the recipe of stored weights, and their network."""
    from spatialkit_models.weights import load_weights

    network, card = load_weights(start, model)
    return restore_recipe(recipes, card.architecture, network.config, card.recipe), network
