"""Options that the subcommands of ``spatialkit train`` share, and the start of the training."""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable, Mapping
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError
from spatialkit.validation import extra
from spatialkit_models.commands.stems import StemDataset
from spatialkit_models.training import PRECISIONS, Recipe, TrainingConfig

if TYPE_CHECKING:
    from spatialkit_models.training import Task

REQUIREMENTS = ("torch", "safetensors", "lightning_fabric", "tensorboard")
RUN_OPTIONS = ("resume", "workers", "device", "checkpoint_every")


class SongSplit(click.ParamType):
    """Parameter type of SONG=SPLIT."""

    name = "split"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        song, _, split = value.rpartition("=")
        if not song:
            self.fail(f"expected SONG=SPLIT, such as francium=test, got {value!r}", param, ctx)
        return song, split


def stems_option(*, required: bool = True) -> Callable[..., Any]:
    """Return the option ``--stems``."""
    return click.option(
        "--stems",
        multiple=True,
        required=required,
        metavar="DIR[:WEIGHT]",
        type=StemDataset(),
        help='Dataset directory of songs with stems, or "procedural" (repeatable; see above).',
    )


splits_option = click.option(
    "--split",
    "splits",
    multiple=True,
    metavar="SONG=SPLIT",
    type=SongSplit(),
    help="Assign a song to train, valid or test, in place of its folder (repeatable).",
)


def _setting(recipes: Mapping[str, Recipe], name: str, type: Any, help: str) -> Callable[..., Any]:
    """Return the option of a field of `TrainingConfig`; its value is None if it is not given."""
    defaults = {key: getattr(recipe.training, name) for key, recipe in recipes.items()}
    values = list(dict.fromkeys(defaults.values()))
    if len(values) > 1:
        shown = ", ".join(f"{value} ({_names(defaults, value)})" for value in values)
    else:
        shown = "" if values[0] is None else str(values[0])
    return click.option(
        f"--{name.replace('_', '-')}",
        name,
        type=type,
        metavar=None if isinstance(type, click.Choice) else "N",
        help=f"{help}  [default: {shown}]" if shown else help,
    )


def _names(defaults: Mapping[str, Any], value: Any) -> str:
    return ", ".join(key for key, default in defaults.items() if default == value)


def _settings(recipes: Mapping[str, Recipe]) -> tuple[Callable[..., Any], ...]:
    """Return the options of all fields of `TrainingConfig`, in the order of the help."""
    return tuple(
        _setting(recipes, *each)
        for each in (
            ("steps", int, "Total number of optimizer steps."),
            ("minutes", float, "Total training time, minutes; instead of --steps."),
            ("batch_size", int, "Examples per step, over all processes."),
            ("learning_rate", float, "Peak learning rate (cosine decay to 0)."),
            (
                "warmup",
                int,
                "Steps of linear warm-up.  [default: 100, or 5 % of the run with --minutes]",
            ),
            ("weight_decay", float, "Weight decay of AdamW."),
            ("clip", float, "Maximum norm of the gradient."),
            ("ema", float, "Decay of the moving average of the weights that is saved."),
            ("validate_every", int, "Steps between validations."),
            ("precision", click.Choice(PRECISIONS), "auto: bfloat16 on CUDA, else float32."),
            ("seed", int, "Seed of initial weights, examples and noise."),
        )
    )


_RUN = (
    click.option("--resume", is_flag=True, help="Continue the run in --out if there is one."),
    click.option(
        "--workers",
        type=int,
        metavar="N",
        help="Processes that prepare batches.  [default: free cores, at most 8]",
    ),
    click.option(
        "--device",
        type=click.Choice(("auto", "cpu", "cuda")),
        default="auto",
        show_default=True,
        help="Device to train on. Several: torchrun --nproc-per-node N -m spatialkit train ...",
    ),
    click.option(
        "--checkpoint-every",
        type=float,
        metavar="SECONDS",
        default=60.0,
        show_default=True,
        help="Seconds between checkpoints.",
    ),
)
_OUT = click.option("--out", required=True, metavar="RUN", type=toolkit.FILE, help="Run directory.")


def training_options(
    recipes: Mapping[str, Recipe],
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options that all models share to a command.

    The command receives ``out``, a Path; ``settings``, the given fields of `TrainingConfig`; and
    ``run``, the other options of `train`.

    Parameters
    ----------
    recipes : mapping of str to Recipe
        Recipes of the model; the help shows their defaults.
    """
    groups = {
        "settings": tuple(field.name for field in fields(TrainingConfig)),
        "run": RUN_OPTIONS,
    }

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(**options: Any) -> Any:
            values = {
                group: {name: options.pop(name) for name in names}
                for group, names in groups.items()
            }
            given = {name: x for name, x in values["settings"].items() if x is not None}
            _require_packages()
            return function(settings=given, run=values["run"], **options)

        for option in reversed((_OUT, *_settings(recipes), *_RUN)):
            command = option(command)
        return command

    return decorate


def _require_packages() -> None:
    """Raise an OptionError with the command that installs what is missing."""
    missing = [module for module in REQUIREMENTS if find_spec(module) is None]
    if missing:
        raise OptionError(f"training needs {missing[0]}: {extra('train')}")


def run_training(
    recipe: Recipe,
    task: Callable[[Recipe, int], Task],
    out: Path,
    settings: Mapping[str, Any],
    run: Mapping[str, Any],
) -> int:
    """Train, and return the exit status: 128 + n for a run that signal n stopped.

    Parameters
    ----------
    recipe : Recipe
        Recipe to train by.
    task : callable
        Function that creates the task from the recipe with ``settings`` and a number of shards.
    out : Path
        Run directory.
    settings : mapping
        Fields of `TrainingConfig` that differ from the recipe.
    run : mapping
        Other options of `train`.
    """
    from spatialkit_models.training import default_workers, train

    recipe = recipe.with_training(**settings)
    recipe.training.require_length()
    workers = default_workers() if run["workers"] is None else run["workers"]
    result = train(task(recipe, max(1, workers)), out, **{**run, "workers": workers})
    # One of several processes may be stopped by the signal of another.
    return 0 if result.finished else 128 + (result.stop_signal or signal.SIGTERM)
