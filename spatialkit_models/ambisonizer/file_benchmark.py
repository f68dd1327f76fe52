"""Benchmark of upmixing to first-order Ambisonics against scenes on disk."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial

import numpy as np

from spatialkit.benchmarks import Benchmark, Example, StimulusWriter, Trial, run_benchmark, versions
from spatialkit.validation import as_count
from spatialkit_models.ambisonizer.baselines import AmbisonicSystem, Condition, as_ambisonic
from spatialkit_models.ambisonizer.margins import margin_notes, margins
from spatialkit_models.ambisonizer.scores import METRICS, Reference
from spatialkit_models.data.scenes import ALL_FRONT, WXYFiles
from spatialkit_models.evaluation import Given

__all__ = ["benchmark_scene_files"]

PROTOCOL = (
    "scenes on disk, as files of W, X and Y; the stereo input is L = W + Y, R = W - Y; models "
    "receive the stage 'front'."
)


def benchmark_scene_files(
    scenes: WXYFiles,
    systems: Sequence[Given | AmbisonicSystem],
    *,
    examples: int = 40,
    progress: bool = False,
    stimuli: StimulusWriter | None = None,
) -> Benchmark:
    """Evaluate systems on scenes on disk, such as those of the authors' script.

    Parameters
    ----------
    scenes : WXYFiles
        Scenes; the stereo input L = W + Y, R = W - Y (in SN3D) of each is upmixed.
    systems : sequence of AmbisonicSystem, str, Upmixer or spatialkit.benchmarks.System
        As for `benchmark_ambisonizer`.
    examples : int
        Number of examples; none is used twice before all scenes are used.
    progress : bool
        Show a progress bar.
    stimuli : StimulusWriter, optional
        Write the inputs instead, see `run_benchmark`.

    Returns
    -------
    Benchmark
        Its findings contain "margins", see `Margin`.
    """
    count = as_count(examples, "examples")
    evaluated, missing = as_ambisonic(systems, scenes.sample_rate)
    results = run_benchmark(
        (_example(scenes, number, evaluated) for number in range(count)),
        METRICS,
        title=f"Stereo to Ambisonics, {scenes.seconds:g} s of scenes of split {scenes.split!r}",
        settings={
            **scenes.facts(),
            "examples": count,
            "protocols": ["files"],
            "systems": {system.name: dict(system.facts) for system in evaluated},
            "versions": versions("torch", "scipy"),
        },
        notes=[f"Protocol 'files': {PROTOCOL}", *missing],
        total=count,
        progress=progress,
        stimuli=stimuli,
    )
    found = tuple(margins(results, [system.name for system in evaluated if system.uses_style]))
    used = {example["scene"] for example in results.examples}
    notes = (
        f"Scenes: {len(used)}; seed: {scenes.seed}.",
        *results.notes,
        *margin_notes(found, results),
    )
    findings = {"margins": [asdict(margin) for margin in found]} if found else {}
    return replace(results, notes=notes, findings=findings)


def _example(scenes: WXYFiles, number: int, systems: Sequence[AmbisonicSystem]) -> Example:
    def trials() -> Iterator[Trial]:
        w, x, y = scenes.excerpt(number)
        x, y = (side / np.float32(math.sqrt(3.0)) for side in (x, y))  # SN3D
        reference = Reference(np.stack([w, y, np.zeros_like(w), x]), scenes.sample_rate)
        stereo = np.stack([w + y, w - y])
        score = partial(reference.scores, stereo=stereo)
        for system in systems:
            if 2 in system.channels and not system.needs_stems:
                condition = Condition(ALL_FRONT) if system.uses_style else None
                setting = {"protocol": "files", "stage": "front"}
                yield Trial(system.name, setting, stereo, system.conditioned(condition), score)

    return Example({"scene": scenes.name(number)}, scenes.seconds, scenes.sample_rate, trials())
