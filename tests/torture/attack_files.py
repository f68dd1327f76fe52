"""Damaged audio files of every kind that is read: changed, cut, joined, and with another name."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import fuzz_files
import numpy as np
from judging import Finding, call, open_files

from spatialkit.files import info, read, stream


def prepare(folder: Path) -> dict[str, bytes]:
    corpus = fuzz_files.seeds(folder)
    for data in corpus.values():  # libraries open files of their own once
        fuzz_files.attempt(folder / "valid", data)
    return corpus


def attack(corpus: dict[str, bytes], folder: Path, rng: np.random.Generator) -> str:
    """Read one damaged file in the three ways."""
    kinds = list(corpus)
    kind = kinds[rng.integers(len(kinds))]
    data = corpus[kind]
    choice = rng.random()
    if choice < 0.2:
        data = data[: rng.integers(0, len(data))]
    elif choice < 0.25:
        other = kinds[rng.integers(len(kinds))]
        data, kind = data + corpus[other], f"{kind}+{other}"
    elif choice < 0.3:
        data = rng.bytes(int(rng.integers(1, 300))) + data
    if choice > 0.22:
        data = fuzz_files.mutated(data or b"\0", rng)
    suffix = rng.choice(["", ".wav", ".flac", ".ogg", ".mp3", ".amb", ".caf", ".m4a", ".raw"])
    path = folder / f"input{suffix}"
    path.write_bytes(data)
    print(kind, len(data), file=sys.stderr)
    options: dict[str, Any] = {"on_truncated": "warn"} if rng.random() < 0.3 else {}
    try:
        gc.collect()
        before = open_files()
        outcome, facts = call(info, {"path": path})
        check_path(outcome, facts, path)
        result, audio = call(read, {"path": path, **options})
        check_path(result, audio, path)
        if result == "done" and outcome == "done":
            if audio.samples.shape != (facts.channels, facts.samples) and not options:
                raise Finding(f"{audio.samples.shape} samples, but info has {facts}")
            if facts.sample_rate != audio.sample_rate:
                raise Finding(f"rate {audio.sample_rate}, but info has {facts.sample_rate}")
        streamed, samples = call(count, {"path": path, **options})
        if streamed == "done" and result == "done" and samples != audio.samples.shape[1]:
            raise Finding(f"{samples} streamed samples, but read has {audio.samples.shape}")
        if streamed != result:
            raise Finding(f"read was {result}, stream {streamed}: {samples}")
        gc.collect()
        if open_files() > before:
            raise Finding("files were left open")
    except Finding as finding:
        raise Finding(f"{kind} ({len(data)} bytes{suffix}): {finding}") from finding.__cause__
    finally:
        path.unlink()
    return result


def count(**options: Any) -> int:
    with stream(**options) as source:
        return sum(block.shape[1] for block in source)


def check_path(outcome: str, message: Any, path: Path) -> None:
    if outcome == "refused" and str(path) not in message:
        raise Finding(f"a message without the path: {message!r}")
