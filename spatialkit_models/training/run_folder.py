"""The folder of a training run: its settings, checkpoint, best weights and log.

``config.json`` says what is trained and how, ``checkpoint.safetensors`` holds all that going on
takes, ``best.safetensors`` with ``best.json`` the averaged weights of the best validation,
``log.jsonl`` a line per report; TensorBoard's files lie beside them.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialkit.errors import OptionError
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
    from spatialkit_models.training.loop import Task

__all__ = ["RunFolder"]

MOST_BYTES = 8 * 2**30


class RunFolder:
    """Where a run keeps its files.

    Parameters
    ----------
    path : Path
        The folder.
    task : Task
        What is trained, and from what.
    training : TrainingConfig
        How it is trained.
    """

    def __init__(self, path: Path, task: Task, training: TrainingConfig) -> None:
        self.path = path
        self.checkpoint = path / "checkpoint.safetensors"
        self._name = task.name
        facts = {
            "task": task.name,
            "config": dataclasses.asdict(task.config),
            "training": dataclasses.asdict(training),
            "sources": dict(task.sources),
        }
        self._settings = json.loads(json.dumps(facts, allow_nan=False))  # tuples become lists

    def begin(self, resume: bool) -> None:
        """Make the folder, or see that the run in it has the same settings."""
        settings = self.path / "config.json"
        if self.path.exists() and not self.path.is_dir():
            raise OptionError(f"{self.path} is a file: name a folder for the run")
        # Hidden files may be what a process left that was killed as it began.
        found = self.path.iterdir() if self.path.exists() else ()
        if not settings.exists() and any(not path.name.startswith(".") for path in found):
            raise OptionError(f"{self.path} is a folder without a run in it, and not empty")
        if settings.exists():
            if not resume:
                raise OptionError(
                    f"{self.path} has a run already: resume it (--resume), or name another"
                )
            for field, there, asked in _differences(read_json(settings), self._settings):
                raise OptionError(
                    f"the run in {self.path} has {field} {there}, asked for was {asked}: a run is "
                    "resumed with the settings it began with; with others a new one can go on from "
                    f"its weights (--start {self.path / 'best.safetensors'})"
                )
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(f"{self.path} cannot be made: {error.strerror}") from error
        replace_file(settings, f"{json.dumps(self._settings, indent=2)}\n".encode())

    def save(
        self, model: nn.Module, ema: nn.Module, optimizer: Optimizer, state: Mapping[str, Any]
    ) -> None:
        """Write a checkpoint."""
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        tensors |= {f"ema.{name}": tensor for name, tensor in ema.state_dict().items()}
        for index, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": moment for name, moment in moments.items()}
        replace_file(self.checkpoint, tensor_file(tensors, {"state": json.dumps(state)}))

    def load(self, model: nn.Module, ema: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
        """Put a checkpoint's tensors in their places and return the rest of it."""
        path = self.checkpoint
        tensors, facts = read_tensors(read_bytes(path, MOST_BYTES), path)
        groups: dict[str, dict[str, Tensor]] = {"model": {}, "ema": {}, "optimizer": {}}
        moments: dict[int, dict[str, Tensor]] = {}
        try:
            for name, tensor in tensors.items():
                group, _, rest = name.partition(".")
                groups[group][rest] = tensor
            for name, tensor in groups["optimizer"].items():
                index, _, moment = name.partition(".")
                moments.setdefault(int(index), {})[moment] = tensor
            state = json.loads(facts["state"])
            model.load_state_dict(groups["model"])
            ema.load_state_dict(groups["ema"])
            settings = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": moments, "param_groups": settings})
        except (KeyError, ValueError, RuntimeError) as error:
            raise WeightsError(f"{path} is not a checkpoint of this run: {error}") from error
        return state

    def save_best(self, ema: nn.Module, step: int, figures: dict[str, float], device: str) -> None:
        """Write the weights of the best validation so far, with a card."""
        card = Card(
            model=self._name,
            config=self._settings["config"],
            steps=step,
            command=shlex.join([_program(), *sys.argv[1:]]),
            hardware=f"{device}, {os.cpu_count()} cores of {platform.machine()}",
            figures=figures,
        )
        save_weights(self.path / "best.safetensors", ema, card)

    def cut_log(self, step: int) -> None:
        """Drop the lines of steps that a killed process did after its last checkpoint."""
        path = self.path / "log.jsonl"
        if not path.exists():
            return
        kept = []
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            try:
                if line.endswith("\n") and json.loads(line)["step"] <= step:
                    kept.append(line)
            except (ValueError, KeyError):  # torn by a crash of the machine
                continue
        replace_file(path, "".join(kept).encode())

    def log(self, facts: Mapping[str, Any]) -> None:
        """Add a line."""
        with (self.path / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")


def _program() -> str:
    """What this process was called as."""
    name = Path(sys.argv[0]).name
    return "spatialkit" if name == "__main__.py" else name


def _differences(there: Any, asked: Any, field: str = "") -> Iterator[tuple[str, str, str]]:
    """Fields with different values, with both values as JSON."""
    if isinstance(there, dict) and isinstance(asked, dict):
        for key in {**asked, **there}:
            name = f"{field}.{key}" if field else key
            if (key in there) != (key in asked):
                yield name, _as_text(there, key), _as_text(asked, key)
            else:
                yield from _differences(there[key], asked[key], name)
    elif there != asked:
        yield field, json.dumps(there), json.dumps(asked)


def _as_text(values: dict[str, Any], key: str) -> str:
    return json.dumps(values[key]) if key in values else "nothing"
