"""Hostile files of weights and checkpoints of training: headers, tensors, and state beside them."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fuzz_files
import numpy as np
from attack_json import HOSTILE, MARK, changed, place
from judging import Finding, call

Target = tuple[bytes, Callable[[bytes], Any]]
# Values that numbers of a tensor are replaced by.
NUMBERS = np.array([np.nan, np.inf, -np.inf, 0.0, 1e38, 1e-45], "<f4")


def prepare(folder: Path) -> dict[str, Target]:
    """Valid files and what reads them, by name; nothing without the packages of the models."""
    try:
        import torch

        from spatialkit_models.training.run_directory import RunDirectory, TrainingState
        from spatialkit_models.weights import load_weights, shipped
    except ImportError:
        return {}
    torch.set_num_threads(1)
    torch.manual_seed(0)
    source = Path(shipped("style-vae-fast"))
    card = json.loads(source.with_suffix(".json").read_text())
    path = folder / "weights.safetensors"

    def weights(data: bytes) -> Any:
        path.write_bytes(data)  # the card is of whoever made the file
        sha256 = hashlib.sha256(data).hexdigest()
        path.with_suffix(".json").write_text(json.dumps(card | {"sha256": sha256}))
        return load_weights(path, "style-vae")

    run: Any = SimpleNamespace(checkpoint=folder / "checkpoint.safetensors")

    def parts() -> Any:
        network, ema = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
        optimizer = torch.optim.AdamW(network.parameters())
        return network, ema, optimizer

    def train(network: Any, optimizer: Any) -> None:
        network(torch.ones(1, 3)).sum().backward()
        optimizer.step()

    def checkpoint(data: bytes) -> Any:
        run.checkpoint.write_bytes(data)
        network, ema, optimizer = parts()
        state = RunDirectory.load(run, network, ema, optimizer)
        train(network, optimizer)
        return state

    network, ema, optimizer = parts()
    train(network, optimizer)
    metrics = {"score": 1.0, "angle": 2.0}
    RunDirectory.save(run, network, ema, optimizer, TrainingState(3, 1.5, metrics, 2, metrics))
    return {
        "weights": (source.read_bytes(), weights),
        "checkpoint": (run.checkpoint.read_bytes(), checkpoint),
    }


def attack(state: dict[str, Target], folder: Path, rng: np.random.Generator) -> str:
    """Change the header of a file, its state, its tensors or its bytes."""
    if not state:
        return "left out"
    name = str(rng.choice(list(state)))
    data, function = state[name]
    choice = rng.random()
    data = fuzz_files.mutated(data, rng) if choice < 0.2 else rewritten(data, rng)
    print(name, len(data), data[:300], file=sys.stderr)
    try:
        outcome, _ = call(function, {"data": data})
    except Finding as finding:
        raise Finding(f"{name}: {finding}") from finding.__cause__
    return outcome


def rewritten(data: bytes, rng: np.random.Generator) -> bytes:
    """Change one or two values of the header, or numbers of tensors, and write the file again."""
    start = 8 + int.from_bytes(data[:8], "little")
    header, tensors = json.loads(data[8:start]), bytearray(data[start:])
    hostile = HOSTILE[rng.integers(len(HOSTILE))]
    for _ in range(rng.integers(1, 3)):
        choice = rng.random()
        metadata = header.get("__metadata__")
        state = metadata.get("state") if isinstance(metadata, dict) else None
        if choice < 0.2:
            at = 4 * int(rng.integers(len(tensors) // 4))
            tensors[at : at + 4] = NUMBERS[rng.integers(len(NUMBERS))].tobytes()
        elif choice < 0.5 and isinstance(state, str):
            metadata["state"] = changed(state, rng)
        else:
            change(header, rng)
    text = json.dumps(header).replace(f'"{MARK}"', hostile).encode("utf-8", "surrogatepass")
    if rng.random() < 0.1:
        text = changed(text.decode("utf-8", "surrogatepass"), rng).encode("utf-8", "surrogatepass")
    return len(text).to_bytes(8, "little") + text + bytes(tensors)


def change(header: dict[str, Any], rng: np.random.Generator) -> None:
    """Change one entry, name, type, shape or position of a tensor."""
    parent, key = place(header, rng)
    names = [name for name in header if name != "__metadata__"]
    choice = rng.random()
    if choice < 0.15:
        del parent[key]
    elif choice < 0.3 and len(names) > 1:
        first, second = rng.choice(names, 2, replace=False)
        header[str(first)], header[str(second)] = header[str(second)], header[str(first)]
    elif choice < 0.4 and names:
        name = str(rng.choice(names))
        header[name + str(rng.choice([".", "\n", "x"]))] = header.pop(name)
    elif choice < 0.6 and isinstance(parent, dict) and "dtype" in parent:
        parent["dtype"] = str(rng.choice(["F64", "F16", "BF16", "I64", "BOOL", "F8_E4M3", "C64"]))
    elif choice < 0.7 and isinstance(parent, list):
        parent += [parent[key]]
    else:
        parent[key] = MARK
