"""Benchmark of the Ambisonizer: upmixing to first-order Ambisonics against reference scenes.

Stems of songs are placed on stages. The stereo input L = W + Y, R = W - Y of a scene is upmixed and
compared with the scene. For mono, where many scenes are plausible, the distributions of spatial
cues are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.benchmarks import Benchmark, Example, StimulusWriter, Trial, run_benchmark, versions
from spatialkit.errors import OptionError
from spatialkit.layouts import Layout, get_layout
from spatialkit.validation import as_choice
from spatialkit_models.ambisonizer.baselines import (
    AmbisonicSystem,
    Condition,
    as_ambisonic,
    baseline_systems,
    load_systems,
    stem_system,
)
from spatialkit_models.ambisonizer.cues import CUES, CuePool
from spatialkit_models.ambisonizer.decoded import decoded_scores
from spatialkit_models.ambisonizer.file_benchmark import benchmark_scene_files
from spatialkit_models.ambisonizer.margins import margin_notes, margins
from spatialkit_models.ambisonizer.scores import METRICS, Reference, side_scores
from spatialkit_models.data.scenes import (
    ALL_FRONT,
    MEAN_STAGE,
    STAGES,
    AmbisonicScenes,
    load_hand_stage,
    mix_stage,
)
from spatialkit_models.evaluation import (
    POOL,
    Given,
    RoomChoice,
    SongExcerpts,
)

__all__ = [
    "NEED_ROOMS",
    "METRICS",
    "PROTOCOLS",
    "AmbisonicSystem",
    "RoomChoice",
    "SongExcerpts",
    "Condition",
    "benchmark_ambisonizer",
    "benchmark_scene_files",
    "load_systems",
    "baseline_systems",
    "stem_system",
]

PROTOCOLS = {
    "stated": "songs as mixed, the residual of W beside Y in front or in the rear by a stage "
    "(front; band: other instruments in the rear; or drawn at random) that models receive.",
    "random": "stems in a room in directions of an ordinary stage; models receive the mean stage "
    "of such scenes, not that of the scene.",
    "uniform": "stems in a room in all directions; models receive the stage 'front'.",
    "hand": "stems in a room on a manually defined stage; models receive the stage that a user "
    "would specify for it.",
    "mono": "W of stated scenes on the stage 'front', of random and of uniform scenes; models "
    "receive the same stages. Means over three seeds.",
}
"""Protocols and their descriptions."""

NEED_ROOMS = ("random", "uniform", "hand")

SEEDS = (0, 1, 2)
# First entry of the seed of random stages.
RANDOM_STAGE = 1


def benchmark_ambisonizer(
    excerpts: SongExcerpts,
    systems: Sequence[Given | AmbisonicSystem],
    *,
    rooms: RoomChoice | None = None,
    protocols: Sequence[str] | None = None,
    examples: int = 40,
    layout: str | Layout | None = None,
    progress: bool = False,
    stimuli: StimulusWriter | None = None,
) -> Benchmark:
    """Evaluate systems on scenes of stems of songs.

    Parameters
    ----------
    excerpts : SongExcerpts
        Songs that scenes are generated from.
    systems : sequence of AmbisonicSystem, str, Upmixer or spatialkit.benchmarks.System
        Systems of `baseline_systems` and `load_systems`, or custom ones, at the sample rate of the
        excerpts. Names of upmixers and other objects as for `as_ambisonic`; their output is
        rendered to Ambisonics.
    rooms : RoomChoice, optional
        Rooms of all scenes except those of the protocol "stated".
    protocols : sequence of str, optional
        Keys of `PROTOCOLS`; by default all, or without ``rooms`` those that need none.
    examples : int
        Number of examples.
    layout : str or Layout, optional
        Loudspeakers that upmixes of the protocol "stated" are also decoded to, by a linear decoder
        and by "dirac" (`spatialkit.decode_foa`), to measure the directions of the stems.
    progress : bool
        Show a progress bar.
    stimuli : StimulusWriter, optional
        Write the inputs instead, see `run_benchmark`.

    Returns
    -------
    Benchmark
        Its findings contain "margins", see `Margin`, and "mono", the distances between the
        distributions over all examples, by stage and system.

    Raises
    ------
    OptionError
        If an argument is not accepted, rooms are missing, or the split has no song or room.
    AudioFileError
        If stems or rooms do not exist or cannot be read.
    """
    count = excerpts.count(examples)
    if protocols is None:
        protocols = [name for name in PROTOCOLS if rooms or name not in NEED_ROOMS]
    protocols = [as_choice(protocol, "protocol", PROTOCOLS) for protocol in protocols]
    for protocol in protocols:
        if protocol in NEED_ROOMS and not rooms:
            raise OptionError(
                f"protocol {protocol!r} needs rooms: pass directories of room responses",
                command_line=" (--rooms)",
            )
    loudspeakers = get_layout(layout) if layout is not None else None
    if loudspeakers and "stated" not in protocols:
        raise OptionError("layout needs the protocol 'stated', whose stems have known directions")
    evaluated, missing = as_ambisonic(systems, excerpts.sample_rate)
    scenes = _Scenes(excerpts, rooms, protocols, loudspeakers)
    pools: dict[tuple[str, str], CuePool] = {}
    results = run_benchmark(
        (_example(scenes, POOL * number, evaluated, pools) for number in range(count)),
        METRICS,
        title=f"Stereo and mono to Ambisonics, {excerpts.seconds:g} s of songs of split "
        f"{excerpts.split!r}",
        settings={
            **excerpts.facts(),
            "examples": count,
            "rooms": rooms.facts() if rooms else None,
            "protocols": list(protocols),
            "layout": loudspeakers.name if loudspeakers else None,
            "rule_stage": MEAN_STAGE,
            "mono_seeds": SEEDS,
            "systems": {system.name: dict(system.facts) for system in evaluated},
            "versions": versions("torch", "scipy"),
        },
        notes=[*(f"Protocol {name!r}: {PROTOCOLS[name]}" for name in protocols), *missing],
        total=count,
        progress=progress,
        stimuli=stimuli,
    )
    pooled: dict[str, dict[str, Any]] = {}
    failed = {(row.setting["stage"], row.system) for row in results.rows if row.error}
    for (stage, name), pool in pools.items():
        if (stage, name) not in failed:
            pooled.setdefault(stage, {})[name] = pool.distances()
    models = [system.name for system in evaluated if system.uses_style]
    found = tuple(margins(results, models))
    notes = (
        *_facts_of(results),
        *results.notes,
        *margin_notes(found, results),
        *_pooled_notes(pooled),
    )
    findings: dict[str, Any] = {"margins": [asdict(margin) for margin in found]} if found else {}
    if pooled:
        findings["mono"] = pooled
    return replace(results, notes=notes, findings=findings)


@dataclass(frozen=True, eq=False)
class _Case:
    """Reference scene, with the stage that models receive."""

    protocol: str
    stage: str
    scene: Reference
    stage_values: tuple[float, ...]
    stems: NDArray[Any] | None = None
    """Stereo stems (4, 2, samples) of a song as mixed."""
    plane_waves: NDArray[Any] | None = None
    """W, Y and X in front (4, 3, samples) of the same stems, if upmixes are to be decoded."""
    layout: Layout | None = None

    @property
    def audio(self) -> NDArray[Any]:
        """Input of systems: W, or left and right."""
        w, y = self.scene.foa[:2]
        return w[None] if self.protocol == "mono" else np.stack([w + y, w - y])

    def scores(self, estimate: NDArray[Any]) -> dict[str, float]:
        """Return the scores of an upmix of stereo."""
        found = self.scene.scores(estimate, self.audio)
        if self.stems is not None:
            rate = self.scene.sample_rate
            found |= side_scores(self.stems, self.stage_values, estimate, rate)
            if self.plane_waves is not None and self.layout is not None:
                found |= decoded_scores(
                    self.plane_waves, self.stage_values, estimate, self.layout, rate
                )
        return found


class _Scenes:
    """Scenes of all protocols; those of one number share stems and room."""

    def __init__(
        self,
        excerpts: SongExcerpts,
        rooms: RoomChoice | None,
        protocols: Sequence[str],
        layout: Layout | None = None,
    ) -> None:
        self.layout = layout
        self.seconds, self.seed = excerpts.seconds, excerpts.seed
        self.sample_rate, self.protocols = excerpts.sample_rate, protocols
        self.stems = excerpts.open(stereo=True)
        self.rooms = rooms.open(excerpts.sample_rate, excerpts.seed) if rooms else None
        kinds = ("mix", "staged", "uniform") if rooms else ("mix",)
        self.by_kind = {
            kind: AmbisonicScenes(self.stems, self.rooms, seed=self.seed, shares={kind: 1.0})
            for kind in kinds
        }

    def facts(self, number: int) -> dict[str, Any]:
        """Return the songs, the room and the random stage of an example."""
        facts: dict[str, Any] = {"songs": sorted(set(self.stems.songs(number)))}
        if self.rooms:
            facts["room"] = self.rooms.room(number).name
        if "stated" in self.protocols:
            facts["drawn"] = self._stages(number)["drawn"]
        return facts

    def cases(self, number: int) -> Iterator[_Case]:
        """Yield all cases of an example; each is generated when it is requested."""
        yield from self._mixes(number)
        yield from self._in_rooms(number)
        if "hand" in self.protocols:
            assert self.rooms is not None
            hand = load_hand_stage()
            foa = hand.foa(self.stems.excerpt(number), self.rooms, number)
            yield _Case("hand", "by hand", Reference(foa, self.sample_rate), hand.stage)

    def _mixes(self, number: int) -> Iterator[_Case]:
        stated, mono = "stated" in self.protocols, "mono" in self.protocols
        if not stated and not mono:
            return
        stems, _ = self._stems("mix", number)
        for name, stage in self._stages(number).items():
            front = name == "front"
            if stated or front:
                scene = self._scene(mix_stage(stems, np.array(stage, np.float32)))
            if stated:
                w, y = stems[:, 0], stems[:, 1]
                sides, waves = np.stack([w + y, w - y], 1), stems if self.layout else None
                yield _Case("stated", name, scene, stage, sides, waves, self.layout)
            if mono and front:
                yield _Case("mono", name, scene, stage)

    def _in_rooms(self, number: int) -> Iterator[_Case]:
        mono = "mono" in self.protocols and self.rooms
        for protocol, kind, stage, values in (
            ("random", "staged", "rules", MEAN_STAGE),
            ("uniform", "uniform", "around", ALL_FRONT),
        ):
            if protocol in self.protocols or mono:
                scene = self._scene(mix_stage(*self._stems(kind, number)))
                if protocol in self.protocols:
                    yield _Case(protocol, stage, scene, values)
                if mono:
                    yield _Case("mono", stage, scene, values)

    def _stems(self, kind: str, number: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return stems (4, 3, samples) and stage (4,) of a scene."""
        scenes = self.by_kind[kind].scenes([number])
        return scenes["stems"][0], scenes["stage"][0]

    def _stages(self, number: int) -> dict[str, tuple[float, ...]]:
        """Return the stages of the protocol "stated"."""
        values = np.random.default_rng([self.seed, RANDOM_STAGE, number]).uniform(-1.0, 1.0, 4)
        return {**STAGES, "drawn": tuple(map(float, values))}

    def _scene(self, wyx: NDArray[Any]) -> Reference:
        """Return W, Y and X as a reference in AmbiX."""
        w, y, x = wyx
        return Reference(np.stack([w, y, np.zeros_like(w), x]), self.sample_rate)


def _example(
    scenes: _Scenes,
    number: int,
    systems: Sequence[AmbisonicSystem],
    pools: dict[tuple[str, str], CuePool],
) -> Example:
    """Return an example; its audio is generated when its trials are run."""

    def trials() -> Iterator[Trial]:
        for case in scenes.cases(number):
            audio = case.audio
            setting = {"protocol": case.protocol, "stage": case.stage}
            for system in systems:
                if len(audio) not in system.channels or (system.needs_stems and case.stems is None):
                    continue
                condition = None
                if system.uses_style:
                    condition = Condition(case.stage_values, stems=case.stems)

                def evaluate(
                    estimate: NDArray[Any],
                    case: _Case = case,
                    audio: NDArray[Any] = audio,
                    system: AmbisonicSystem = system,
                ) -> dict[str, float]:
                    if case.protocol != "mono":
                        return case.scores(estimate)
                    pool = pools.setdefault((case.stage, system.name), CuePool())
                    estimates = [estimate, *_other_seeds(system, audio, case.stage_values)]
                    return case.scene.mono_scores(estimates, audio, pool)

                run = system.conditioned(condition)
                yield Trial(system.name, setting, audio, run, evaluate)

    return Example(scenes.facts(number), scenes.seconds, scenes.sample_rate, trials())


def _other_seeds(
    system: AmbisonicSystem, mono: NDArray[Any], stage: tuple[float, ...]
) -> Iterator[NDArray[Any]]:
    """Yield the upmixes of mono with the other seeds, if the system has seeds."""
    if system.uses_style:
        for seed in SEEDS[1:]:
            yield system.upmix(mono, Condition(stage, seed))


def _facts_of(results: Benchmark) -> Iterator[str]:
    """Yield notes on songs, rooms and seed."""
    songs = {name for example in results.examples for name in example["songs"]}
    rooms = {example["room"] for example in results.examples if "room" in example}
    in_rooms = f"; rooms: {len(rooms)}" if rooms else ""
    yield f"Songs: {len(songs)}{in_rooms}; seed: {results.settings['seed']}."


def _pooled_notes(pooled: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Iterator[str]:
    """Yield one note per stage and system on the distances over all examples."""
    for stage, systems in pooled.items():
        for name, distances in systems.items():
            found = ", ".join(
                f"{cue.replace('_', ' ')} {distances[cue]:.1f} {unit}"
                for cue, (_, unit) in CUES.items()
            )
            yield f"Mono, {stage}, distributions over all examples, {name}: {found}."
