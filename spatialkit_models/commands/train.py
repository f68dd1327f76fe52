"""``spatialkit train``: a group with a subcommand for each model.

Those share their options: `training_options` declares them, `run_training` uses what they say.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError
from spatialkit.validation import extra
from spatialkit_models.commands.stems import StemRoot
from spatialkit_models.training import PRECISIONS, TrainingConfig

if TYPE_CHECKING:
    from spatialkit_models.training import Task

NEEDED = ("torch", "safetensors", "lightning_fabric", "tensorboard")
DEFAULTS = {field.name: field.default for field in fields(TrainingConfig)}
# Given by the model, see SUITED.
BY_MODEL = ("learning_rate", "weight_decay")
# Settings that suit a model, where they are not given. The papers': Adam at this rate; AdamW.
SUITED: dict[str, dict[str, Any]] = {
    "fast": {"learning_rate": 3e-3, "batch_size": 8},
    "paper": {"learning_rate": 5e-3, "batch_size": 8, "weight_decay": 0.0},
    "stage": {"learning_rate": 1.5e-3, "batch_size": 8},
    "uniform": {"learning_rate": 1.5e-3, "batch_size": 8},
    "published": {"learning_rate": 5e-5, "batch_size": 32, "clip": 2.0, "precision": "float32"},
}


@click.group("train")
@toolkit.debug_option
def command() -> None:
    """Train a model; --resume goes on with a run."""


def _setting(name: str, type: Any, help: str) -> Callable[..., Any]:
    """Option for a field of `TrainingConfig`: None if it is not given."""
    default = DEFAULTS[name]
    return click.option(
        f"--{name.replace('_', '-')}",
        name,
        type=type,
        metavar=None if isinstance(type, click.Choice) else "N",
        # Not click's own default: the model may have one of its own.
        help=help if default is None or name in BY_MODEL else f"{help}  [default: {default}]",
    )


# In the order of the help.
_SETTINGS = (
    _setting("steps", int, "Train for N steps in all."),
    _setting("minutes", float, "Train for N minutes in all, instead."),
    _setting("batch_size", int, "Examples per step, over all processes."),
    _setting("learning_rate", float, "The highest; it falls along a cosine to 0."),
    _setting("warmup", int, "Steps in which the learning rate rises."),
    _setting("weight_decay", float, "Of AdamW."),
    _setting("clip", float, "Largest norm of the gradient."),
    _setting("ema", float, "Decay of the running mean of weights, which is what is kept."),
    _setting("validate_every", int, "Steps from one validation to the next."),
    _setting("precision", click.Choice(PRECISIONS), "auto: bfloat16 on CUDA, else float32."),
    _setting("seed", int, "Of all that is drawn: first weights, examples, noise."),
)
_RUNNING = (
    click.option("--resume", is_flag=True, help="Go on with the run in --out if there is one."),
    click.option(
        "--workers",
        type=int,
        metavar="N",
        help="Processes that prepare batches. By default the cores that are left, at most 8.",
    ),
    click.option(
        "--device",
        type=click.Choice(("auto", "cpu", "cuda")),
        default="auto",
        show_default=True,
        help="Where to train. Several devices: torchrun --nproc-per-node N -m spatialkit train ...",
    ),
    click.option(
        "--checkpoint-every",
        type=float,
        metavar="S",
        default=60.0,
        show_default=True,
        help="Seconds from one checkpoint to the next.",
    ),
)
_OUT = click.option(
    "--out", required=True, metavar="RUN", type=toolkit.FILE, help="Folder of the run."
)


def training_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that all models share.

    The function gets ``out``, a Path; ``settings``, those fields of `TrainingConfig` that were
    given; and ``running``, the other options of `train`.
    """
    names = {
        "settings": tuple(DEFAULTS),
        "running": ("resume", "workers", "device", "checkpoint_every"),
    }

    @functools.wraps(function)
    def gathered(**options: Any) -> Any:
        taken = {
            group: {name: options.pop(name) for name in members} for group, members in names.items()
        }
        given = {name: x for name, x in taken["settings"].items() if x is not None}
        _require_models()
        return function(settings=given, running=taken["running"], **options)

    for option in reversed((_OUT, *_SETTINGS, *_RUNNING)):
        gathered = option(gathered)
    return gathered


def _require_models() -> None:
    """Raise an OptionError that says what to install."""
    missing = [module for module in NEEDED if find_spec(module) is None]
    if missing:
        raise OptionError(f"training needs {missing[0]}: {extra('train')}")


def run_training(task: Task, out: Path, config: TrainingConfig, running: Mapping[str, Any]) -> int:
    """Train, and return the exit status: 130 for a run that was stopped."""
    from spatialkit_models.training import train

    return 0 if train(task, out, config, **running).finished else 130


class _SongSplit(click.ParamType):
    """SONG=SPLIT."""

    name = "split"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        song, _, split = value.rpartition("=")
        if not song:
            self.fail(f"{value!r} is not SONG=SPLIT, such as francium=test", param, ctx)
        return song, split


_STEMS = click.option(
    "--stems",
    multiple=True,
    required=True,
    metavar="DIR[:WEIGHT]",
    type=StemRoot(),
    help="Folder of songs, a folder each with vocals, drums, bass and other (.wav, .flac, .ogg), "
    'such as MUSDB18-HQ; or "procedural", songs that are computed. May be repeated: weights say '
    "how often to draw from each.",
)
_SPLITS = click.option(
    "--split",
    "splits",
    multiple=True,
    metavar="SONG=SPLIT",
    type=_SongSplit(),
    help="Use a song for train, valid or test, whatever its folder says. May be repeated.",
)


@command.command(
    "style-vae",
    epilog="\b\nExamples:\n"
    "  spatialkit train style-vae --stems musdb18hq/ --out run/ --minutes 60\n"
    "  spatialkit train style-vae --stems musdb18hq/:3 --stems procedural:1 \\\n"
    "    --out run/ --steps 20000 --resume\n"
    "  spatialkit train style-vae --stems musdb18hq/ --recordings concerts/ \\\n"
    "    --start run/best.safetensors --learning-rate 3e-4 --out tuned/ --minutes 10",
)
@_STEMS
@_SPLITS
@click.option(
    "--preset",
    type=click.Choice(("fast", "paper")),
    help="fast (the default): stems are found, taken out and panned anew; --learning-rate "
    f"{SUITED['fast']['learning_rate']}, --weight-decay {DEFAULTS['weight_decay']}. paper: the "
    f"published networks; --learning-rate {SUITED['paper']['learning_rate']}, --weight-decay 0.",
)
@click.option(
    "--start",
    metavar="FILE",
    type=toolkit.FILE,
    help="Go on from these weights (.safetensors, beside its card) instead of a preset.",
)
@click.option(
    "--recordings",
    metavar="DIR",
    type=toolkit.FILE,
    help="Train on the 5.0 and 5.1 files in this folder, which have no stems; those of --stems "
    "only validate.",
)
@training_options
@toolkit.debug_option
def style_vae(
    stems: Sequence[tuple[str, float]],
    splits: Sequence[tuple[str, str]],
    preset: str | None,
    start: Path | None,
    recordings: Path | None,
    out: Path,
    settings: Mapping[str, Any],
    running: Mapping[str, Any],
) -> int:
    """Train the VAE that upmixes in the style of another song.

    It is trained on songs' stems, panned at random, and keeps the weights that do best on songs
    held out for validation: those of split valid (MUSDB18's own list, a folder called valid, or
    one song in ten).
    """
    if start and preset:
        raise OptionError("--start brings a shape of its own: leave out --preset")
    kind = preset or "fast"
    from spatialkit_models.style_vae import PRESETS, style_task
    from spatialkit_models.training import default_workers

    begin: Any = PRESETS[kind]
    if start:
        from spatialkit_models.style_vae import build_style_vae
        from spatialkit_models.weights import load_weights

        begin, _ = load_weights(start, "style-vae", build_style_vae)
        kind = "fast" if isinstance(begin.config, type(PRESETS["fast"])) else "paper"
    config = TrainingConfig(**{**SUITED[kind], **settings})
    workers = default_workers() if running["workers"] is None else running["workers"]
    task = style_task(
        begin,
        stems,
        recordings=recordings,
        splits=dict(splits),
        batch_size=config.batch_size,
        shards=max(1, workers),
        seed=config.seed,
    )
    return run_training(task, out, config, {**running, "workers": workers})


@command.command(
    "ambisonizer",
    epilog="\b\nExamples:\n"
    "  spatialkit rooms --out rooms/ --count 200\n"
    "  spatialkit train ambisonizer --stems musdb18hq/ --rooms rooms/ \\\n"
    "    --out run/ --minutes 60",
)
@_STEMS
@click.option(
    "--rooms",
    multiple=True,
    metavar="DIR",
    type=toolkit.FILE,
    help="Folder of first-order room responses, as spatialkit rooms writes them, or measured ones. "
    "May be repeated.",
)
@click.option(
    "--room-format",
    metavar="FORMAT",
    default="ambix1",
    show_default=True,
    help="What measured responses are: ambix1, N3D-ACN-1, fuma1 ...",
)
@_SPLITS
@click.option(
    "--preset",
    type=click.Choice(("stage", "uniform", "published")),
    help="stage (the default): real mixes on stages that the network is told, and some in rooms. "
    "uniform: sources all around in rooms, of which it is told nothing. published: the published "
    "network, which needs a GPU, by its authors' recipe.",
)
@click.option(
    "--start",
    metavar="FILE",
    type=toolkit.FILE,
    help="Go on from these weights (.safetensors, beside its card): of an Ambisonizer, instead of "
    "a preset; or of a fast style-vae, whose knowledge of stems a new network then begins with.",
)
@training_options
@toolkit.debug_option
def ambisonizer(
    stems: Sequence[tuple[str, float]],
    rooms: Sequence[Path],
    room_format: str,
    splits: Sequence[tuple[str, str]],
    preset: str | None,
    start: Path | None,
    out: Path,
    settings: Mapping[str, Any],
    running: Mapping[str, Any],
) -> int:
    """Train the network that upmixes to Ambisonics.

    It is trained on songs' stems and on rooms, and keeps the weights that do best on those held
    out for validation: songs and rooms of split valid (a folder called valid, MUSDB18's own list,
    or one in ten).
    """
    from spatialkit_models.training import default_workers

    begin, masks = _ambisonizer_start(start, preset)
    kind = preset or (
        "published" if hasattr(getattr(begin, "config", begin), "filters") else "stage"
    )
    config = TrainingConfig(**{**SUITED[kind], **settings})
    workers = default_workers() if running["workers"] is None else running["workers"]
    shared: dict[str, Any] = {
        "room_format": room_format,
        "splits": dict(splits),
        "batch_size": config.batch_size,
        "shards": max(1, workers),
        "seed": config.seed,
    }
    task: Task
    if kind == "published":
        from spatialkit_models.ambisonizer.published import published_task

        task = published_task(begin, stems, rooms, **shared)
    else:
        from spatialkit_models.ambisonizer import ambisonizer_task

        task = ambisonizer_task(begin, stems, rooms, masks=masks, **shared)
    return run_training(task, out, config, {**running, "workers": workers})


def _ambisonizer_start(start: Path | None, preset: str | None) -> tuple[Any, Any]:
    """What to begin with: a config or a model, and masks for a new model or None."""
    from spatialkit_models.ambisonizer import PRESETS
    from spatialkit_models.weights import load_weights, read_json

    if not start:
        return PRESETS[preset or "stage"], None
    card = start.with_suffix(".json")
    if card.exists() and read_json(card).get("model") == "style-vae":
        from spatialkit_models.style_vae import build_style_vae

        vae, _ = load_weights(start, "style-vae", build_style_vae)
        masks = getattr(vae, "masks", None)
        if masks is None or preset == "published":
            what = f"{start} knows no stems" if masks is None else "the published network has none"
            raise OptionError(f"--start takes masks of stems from a fast style-vae: {what}")
        return PRESETS[preset or "stage"], masks
    from spatialkit_models.ambisonizer import build_ambisonizer

    if preset:
        raise OptionError("--start brings a shape of its own: leave out --preset")
    model, _ = load_weights(start, "ambisonizer", build_ambisonizer)
    return model, None
