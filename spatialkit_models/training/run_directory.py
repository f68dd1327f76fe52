"""Run directory of a training: settings, checkpoint, best weights and log.

``config.json`` contains the settings, ``checkpoint.safetensors`` the state for resumption,
``best.safetensors`` and ``best.json`` the averaged weights of the best validation and their model
card, ``log.jsonl`` one line per report; TensorBoard files are beside them.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialkit.errors import OptionError
from spatialkit.storage import RecordLog, locked_folder, remove_parts
from spatialkit.validation import (
    as_count,
    as_dataclass,
    as_number,
    parse_json,
    read_json_lines,
    reason,
    shown,
)
from spatialkit_models.weights import (
    Card,
    WeightsError,
    read_bytes,
    read_json,
    read_tensors,
    replace_file,
    save_weights,
    tensor_file,
)

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from spatialkit_models.training.config import TrainingConfig
    from spatialkit_models.training.task import Task

__all__ = ["RunDirectory", "TrainingState"]

SETTINGS = "config.json"
MAX_BYTES = 8 * 2**30
MOMENTS = {"step", "exp_avg", "exp_avg_sq"}  # of a parameter, by AdamW
UNTRAINED = "weights of step 0: no validation during training was better than the one before it"


@dataclass(frozen=True)
class TrainingState:
    """State of a run, besides tensors.

    Parameters
    ----------
    step : int
        Number of steps done.
    elapsed : float
        Time they took, s.
    initial, best : dict
        Validation metrics before the first step, and of the best weights.
    best_step : int
        Step of the best weights.
    """

    step: int = 0
    elapsed: float = 0.0
    initial: dict[str, float] = field(default_factory=dict)
    best_step: int = 0
    best: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        as_count(self.step, "step", minimum=0)
        as_count(self.best_step, "best_step", minimum=0, maximum=self.step)
        as_number(self.elapsed, "elapsed", minimum=0.0, unit="s")
        for name in ("initial", "best"):
            metrics = getattr(self, name)
            if metrics and "score" not in metrics:
                raise OptionError(f"{name} must contain a score, got {', '.join(metrics)}")


class RunDirectory:
    """Files of a run.

    Parameters
    ----------
    path : Path
        The directory.
    task : Task
        Task of the run.
    training : TrainingConfig
        Settings of the run.
    """

    def __init__(self, path: Path, task: Task, training: TrainingConfig) -> None:
        self.path = path
        self.checkpoint = path / "checkpoint.safetensors"
        recipe = dataclasses.replace(task.recipe, training=training)
        # A round trip through JSON turns tuples into lists.
        self._card = Card(
            model=task.model,
            architecture=recipe.architecture,
            config=json.loads(json.dumps(dataclasses.asdict(recipe.network), allow_nan=False)),
            recipe=recipe.as_json(),
            data=[dict(dataset) for dataset in task.datasets],
        )
        settings = {
            "model": self._card.model,
            "architecture": self._card.architecture,
            "network": self._card.config,
            **{name: values for name, values in self._card.recipe.items() if name != "name"},
            "sources": dict(task.sources),
        }
        self._settings = json.loads(json.dumps(settings, allow_nan=False))

    @contextmanager
    def opened(self, resume: bool) -> Iterator[None]:
        """Create the directory, or check that the run in it has the same settings, and lock it."""
        self._create()
        advice = "wait until it ends, or choose another directory"
        with locked_folder(self.path, advice, error=OptionError):
            remove_parts(self.path)
            self._prepare(resume)
            yield

    def _create(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise OptionError(f"the run directory {self.path} is a file; choose another path")
        # Hidden files may be the rest of a process that was killed at the start.
        found = self.path.iterdir() if self.path.exists() else ()
        visible = {path.name for path in found if not path.name.startswith(".")}
        if visible and SETTINGS not in visible:
            raise OptionError(
                f"the run directory {self.path} is not empty and contains no run; choose another"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(
                f"the run directory {self.path} cannot be created: {error.strerror}"
            ) from error

    def _prepare(self, resume: bool) -> None:
        settings = self.path / SETTINGS
        if settings.exists():
            if not resume:
                raise OptionError(
                    f"the run directory {self.path} already contains a run",
                    python="; resume it (resume=True) or choose another",
                    command_line="; resume it (--resume) or choose another",
                )
            for name, stored, given in _differences(read_json(settings), self._settings):
                raise OptionError(
                    f"the run in {self.path} has {name} {stored}, got {given}; a run can only be "
                    "resumed with its own settings. To train its weights with others, start a new "
                    f"run from {self.path / 'best.safetensors'}",
                    command_line=" (--start)",
                )
            return
        replace_file(settings, f"{json.dumps(self._settings, indent=2)}\n".encode())

    def save(
        self, network: nn.Module, ema: nn.Module, optimizer: Optimizer, state: TrainingState
    ) -> None:
        """Write a checkpoint."""
        tensors = {f"model.{name}": tensor for name, tensor in network.state_dict().items()}
        tensors |= {f"ema.{name}": tensor for name, tensor in ema.state_dict().items()}
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in values.items()}
        text = json.dumps(dataclasses.asdict(state))
        replace_file(self.checkpoint, tensor_file(tensors, {"state": text}))

    def load(self, network: nn.Module, ema: nn.Module, optimizer: Optimizer) -> TrainingState:
        """Load the tensors of the checkpoint and return its other state."""
        path = self.checkpoint
        tensors, metadata = read_tensors(read_bytes(path, MAX_BYTES), path)
        groups: dict[str, dict[str, Tensor]] = {"model": {}, "ema": {}, "optimizer": {}}
        states: dict[int, dict[str, Tensor]] = {}
        try:
            for name, tensor in tensors.items():
                group, _, rest = name.partition(".")
                groups[group][rest] = tensor
            for name, tensor in groups["optimizer"].items():
                index, _, key = name.partition(".")
                if not (index.isascii() and index.isdigit()):
                    raise ValueError(f"tensor {shown(f'optimizer.{name}')} is unknown")
                states.setdefault(int(index), {})[key] = tensor
            stored = parse_json(metadata["state"], "its state")
            state = as_dataclass(TrainingState, stored, "its state")
            network.load_state_dict(groups["model"])
            ema.load_state_dict(groups["ema"])
            settings = optimizer.state_dict()["param_groups"]
            _require_states(states, settings, optimizer)
            optimizer.load_state_dict({"state": states, "param_groups": settings})
        except (KeyError, ValueError, RuntimeError) as error:
            raise WeightsError(
                f"{path} is not a checkpoint of this run: {reason(error)}"
            ) from error
        return state

    def save_best(self, ema: nn.Module, step: int, metrics: dict[str, float], device: str) -> None:
        """Write the weights of the best validation so far, with their model card."""
        card = dataclasses.replace(
            self._card,
            steps=step,
            warning="" if step else UNTRAINED,
            command=shlex.join([_program(), *sys.argv[1:]]),
            hardware=f"{device}, {os.cpu_count()} cores of {platform.machine()}",
            figures=metrics,
        )
        save_weights(self.path / "best.safetensors", ema, card)

    def cut_log(self, step: int) -> None:
        """Remove the lines of steps after the last checkpoint, left by a killed process."""
        path = self.path / "log.jsonl"
        if not path.exists():
            return
        steps = [entry for entry in read_json_lines(path) if type(entry.get("step")) is int]
        kept = [json.dumps(entry) for entry in steps if entry["step"] <= step]
        replace_file(path, "".join(f"{line}\n" for line in kept).encode())

    def log(self, entry: Mapping[str, Any]) -> None:
        """Append a line to the log."""
        with RecordLog(self.path / "log.jsonl", error=WeightsError) as log:
            log.add(entry)


def _require_states(
    states: Mapping[int, Mapping[str, Tensor]], settings: Any, optimizer: Optimizer
) -> None:
    """Raise a ValueError if the tensors of the optimizer, an AdamW, do not fit its parameters."""
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    numbers = [number for group in settings for number in group["params"]]
    shapes = {number: each.shape for number, each in zip(numbers, parameters, strict=True)}
    for number, values in states.items():
        if number not in shapes or values.keys() != MOMENTS:
            raise ValueError(f"the tensors optimizer.{number} are not {', '.join(sorted(MOMENTS))}")
        for name, value in values.items():
            if value.shape != (() if name == "step" else shapes[number]):
                raise ValueError(f"tensor optimizer.{number}.{name} has another shape")
            if value.is_complex() or not value.isfinite().all():
                raise ValueError(f"tensor optimizer.{number}.{name} is not of finite real numbers")
            if name != "exp_avg" and not bool((value >= (name == "step")).all()):
                raise ValueError(f"tensor optimizer.{number}.{name} has a number that is too small")


def _program() -> str:
    """Return the name of the program of this process."""
    name = Path(sys.argv[0]).name
    return "spatialkit" if name == "__main__.py" else name


def _differences(stored: Any, given: Any, field: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield fields with different values, and both values as JSON."""
    if isinstance(stored, dict) and isinstance(given, dict):
        for key in {**given, **stored}:
            name = f"{field}.{key}" if field else key
            if (key in stored) != (key in given):
                yield name, _as_text(stored, key), _as_text(given, key)
            else:
                yield from _differences(stored[key], given[key], name)
    elif stored != given:
        yield field, json.dumps(stored), json.dumps(given)


def _as_text(values: dict[str, Any], key: str) -> str:
    return json.dumps(values[key]) if key in values else "nothing"
