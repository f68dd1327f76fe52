"""Benchmark of the Ambisonizer: first-order Ambisonics of stereo and mono, where it is known.

Songs' stems are put on stages. What stereo says of a scene, L = W + Y and R = W - Y, is upmixed
and compared with the scene. Of mono many answers are right: there the distributions of what is
heard are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import OptionError
from spatialkit.validation import as_choice, as_count
from spatialkit_models.ambisonizer.baselines import (
    AmbisonicSystem,
    Told,
    load_systems,
    plain_systems,
)
from spatialkit_models.ambisonizer.cues import CUES, CuePool
from spatialkit_models.ambisonizer.margins import Margin, margins
from spatialkit_models.ambisonizer.scores import METRICS, Reference
from spatialkit_models.data.scenes import (
    AHEAD,
    RULE_STAGE,
    STAGES,
    AmbisonicScenes,
    combined,
    load_hand_stage,
)
from spatialkit_models.evaluation import (
    POOL,
    Benchmark,
    Example,
    RoomChoice,
    SongExcerpts,
    Trial,
    run_benchmark,
    versions,
)

__all__ = [
    "IN_ROOMS",
    "METRICS",
    "PROTOCOLS",
    "AmbisonicSystem",
    "RoomChoice",
    "SongExcerpts",
    "Told",
    "benchmark_ambisonizer",
    "load_systems",
    "plain_systems",
]

PROTOCOLS = {
    "stated": "songs as they are mixed, what is left over of W beside Y ahead or behind by a stage "
    "(front, band: other instruments behind, or drawn) that models are told.",
    "random": "stems in a room, where the rules of an ordinary stage put them; models are told the "
    "mean of the stages that these rules draw, nothing of the scene.",
    "uniform": "stems in a room in directions all around; models are told that all are ahead.",
    "hand": "stems in a room on a stage made by hand; models are told what a user would say of it.",
    "mono": "W alone of stated scenes, all ahead, of random and of uniform ones; what models are "
    "told is as there. Means over three seeds.",
}
"""Names, and what they mean."""

IN_ROOMS = ("random", "uniform", "hand")

SEEDS = (0, 1, 2)
# First number of what the generator of drawn stages is made from.
DRAWN = 1


def benchmark_ambisonizer(
    excerpts: SongExcerpts,
    systems: Sequence[AmbisonicSystem],
    *,
    rooms: RoomChoice | None = None,
    protocols: Sequence[str] | None = None,
    examples: int = 40,
    progress: bool = False,
) -> Benchmark:
    """Measure systems on scenes of songs' stems.

    Parameters
    ----------
    excerpts : SongExcerpts
        What scenes are made of.
    systems : sequence of AmbisonicSystem
        From `plain_systems` and `load_systems`, or of your own, at the sample rate of the excerpts.
    rooms : RoomChoice, optional
        Where stems stand in all scenes but those of the protocol "stated".
    protocols : sequence of str, optional
        From `PROTOCOLS`; by default all, or those that need no rooms if there are none.
    examples : int
        How many.
    progress : bool
        Show a bar.

    Returns
    -------
    Benchmark
        With findings "margins": see `Margin`; and "mono": distances between distributions over
        all examples together, by stage and system.

    Raises
    ------
    OptionError
        If an argument is not accepted, rooms are missing, or no song or room is in this split.
    AudioFileError
        If there are no stems or no rooms, or they cannot be read.
    """
    count = as_count(examples, "examples")
    if protocols is None:
        protocols = [name for name in PROTOCOLS if rooms or name not in IN_ROOMS]
    protocols = [as_choice(protocol, "protocol", PROTOCOLS) for protocol in protocols]
    for protocol in protocols:
        if protocol in IN_ROOMS and not rooms:
            raise OptionError(f"protocol {protocol!r} needs rooms: name folders of responses")
    scenes = _Scenes(excerpts, rooms, protocols)
    pools: dict[tuple[str, str], CuePool] = {}
    results = run_benchmark(
        (_example(scenes, POOL * number, systems, pools) for number in range(count)),
        METRICS,
        title=f"Stereo and mono to Ambisonics, {excerpts.seconds:g} s of songs of split "
        f"{excerpts.split!r}",
        settings={
            **excerpts.facts(),
            "examples": count,
            "rooms": rooms.facts() if rooms else None,
            "protocols": list(protocols),
            "rule_stage": RULE_STAGE,
            "mono_seeds": SEEDS,
            "systems": {system.name: dict(system.facts) for system in systems},
            "versions": versions("torch", "scipy"),
        },
        notes=[f"Protocol {protocol!r}: {PROTOCOLS[protocol]}" for protocol in protocols],
        total=count,
        progress=progress,
    )
    pooled: dict[str, dict[str, Any]] = {}
    failed = {(row.setting["stage"], row.system) for row in results.rows if row.error}
    for (stage, name), pool in pools.items():
        if (stage, name) not in failed:
            pooled.setdefault(stage, {})[name] = pool.distances()
    models = [system.name for system in systems if system.uses_style]
    found = tuple(margins(results, models))
    notes = (
        *_facts_of(results),
        *results.notes,
        *_margin_notes(found, results),
        *_pooled_notes(pooled),
    )
    findings: dict[str, Any] = {"margins": [asdict(margin) for margin in found]} if found else {}
    if pooled:
        findings["mono"] = pooled
    return replace(results, notes=notes, findings=findings)


@dataclass(frozen=True, eq=False)
class _Case:
    """A scene, what of it is upmixed, and what is told of it."""

    protocol: str
    stage: str
    scene: Reference
    told: tuple[float, ...]

    @property
    def heard(self) -> NDArray[Any]:
        """W, or left and right."""
        w, y = self.scene.foa[:2]
        return w[None] if self.protocol == "mono" else np.stack([w + y, w - y])


class _Scenes:
    """Scenes of all protocols by number, of the same stems and room."""

    def __init__(
        self, excerpts: SongExcerpts, rooms: RoomChoice | None, protocols: Sequence[str]
    ) -> None:
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
        """Songs, the room, and the drawn stage."""
        facts: dict[str, Any] = {"songs": sorted(set(self.stems.songs(number)))}
        if self.rooms:
            facts["room"] = self.rooms.room(number).name
        if "stated" in self.protocols:
            facts["drawn"] = self._stages(number)["drawn"]
        return facts

    def cases(self, number: int) -> Iterator[_Case]:
        """All cases, each made as it comes."""
        yield from self._mixes(number)
        yield from self._in_rooms(number)
        if "hand" in self.protocols:
            assert self.rooms is not None
            by_hand = load_hand_stage()
            foa = by_hand.foa(self.stems.excerpt(number), self.rooms, number)
            yield _Case("hand", "by hand", Reference(foa, self.sample_rate), by_hand.told)

    def _mixes(self, number: int) -> Iterator[_Case]:
        stated, mono = "stated" in self.protocols, "mono" in self.protocols
        if not stated and not mono:
            return
        stems, _ = self._made("mix", number)
        for name, stage in self._stages(number).items():
            ahead = name == "front"
            if stated or ahead:
                scene = self._scene(combined(stems, np.array(stage, np.float32)))
            if stated:
                yield _Case("stated", name, scene, stage)
            if mono and ahead:
                yield _Case("mono", name, scene, stage)

    def _in_rooms(self, number: int) -> Iterator[_Case]:
        mono = "mono" in self.protocols and self.rooms
        for protocol, kind, stage, told in (
            ("random", "staged", "rules", RULE_STAGE),
            ("uniform", "uniform", "around", AHEAD),
        ):
            if protocol in self.protocols or mono:
                scene = self._scene(combined(*self._made(kind, number)))
                if protocol in self.protocols:
                    yield _Case(protocol, stage, scene, told)
                if mono:
                    yield _Case("mono", stage, scene, told)

    def _made(self, kind: str, number: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Stems (4, 3, samples) and stage (4,)."""
        made = self.by_kind[kind].scenes([number])
        return made["stems"][0], made["stage"][0]

    def _stages(self, number: int) -> dict[str, tuple[float, ...]]:
        """Stages of the protocol "stated"."""
        drawn = np.random.default_rng([self.seed, DRAWN, number]).uniform(-1.0, 1.0, 4)
        return {**STAGES, "drawn": tuple(map(float, drawn))}

    def _scene(self, wyx: NDArray[Any]) -> Reference:
        """W, Y and X as AmbiX."""
        w, y, x = wyx
        return Reference(np.stack([w, y, np.zeros_like(w), x]), self.sample_rate)


def _example(
    scenes: _Scenes,
    number: int,
    systems: Sequence[AmbisonicSystem],
    pools: dict[tuple[str, str], CuePool],
) -> Example:
    """Example of a number; its audio is made as its trials are run."""

    def trials() -> Iterator[Trial]:
        for case in scenes.cases(number):
            heard = case.heard
            setting = {"protocol": case.protocol, "stage": case.stage}
            for system in systems:
                if len(heard) not in system.channels:
                    continue
                told = Told(case.told) if system.uses_style else None

                def judge(
                    made: NDArray[Any],
                    case: _Case = case,
                    heard: NDArray[Any] = heard,
                    system: AmbisonicSystem = system,
                ) -> dict[str, float]:
                    if case.protocol != "mono":
                        return case.scene.scores(made, heard)
                    pool = pools.setdefault((case.stage, system.name), CuePool())
                    answers = [made, *_other_answers(system, heard, case.told)]
                    return case.scene.mono_scores(answers, heard, pool)

                yield Trial(system, setting, heard, told, judge)

    return Example(scenes.facts(number), scenes.seconds, trials())


def _other_answers(
    system: AmbisonicSystem, mono: NDArray[Any], stage: tuple[float, ...]
) -> Iterator[NDArray[Any]]:
    """What a system makes of mono with the other seeds, if it has any."""
    if system.uses_style:
        for seed in SEEDS[1:]:
            yield system.upmix(mono, Told(stage, seed))


def _facts_of(results: Benchmark) -> Iterator[str]:
    """What the examples turned out to be."""
    songs = {name for example in results.examples for name in example["songs"]}
    rooms = {example["room"] for example in results.examples if "room" in example}
    in_rooms = f"; rooms: {len(rooms)}" if rooms else ""
    yield f"Songs: {len(songs)}{in_rooms}; seed: {results.settings['seed']}."


def _margin_notes(found: Sequence[Margin], results: Benchmark) -> Iterator[str]:
    """Margins in words, a sentence for each model, protocol and stage."""
    known = {metric.name: metric for metric in results.metrics}
    for (system, protocol, stage), same in groupby(
        found, key=lambda margin: (margin.system, margin.protocol, margin.stage)
    ):
        told = ", ".join(margin.sentence(known[margin.metric]) for margin in same)
        on = f"{protocol}, all stages" if stage == "all" else f"{protocol}, {stage}"
        yield f"{system} on {on}, paired with the best plain upmixer of each metric: {told}."


def _pooled_notes(pooled: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Iterator[str]:
    """Distances over all examples together, in words."""
    for stage, systems in pooled.items():
        for name, distances in systems.items():
            found = ", ".join(
                f"{cue.replace('_', ' ')} {distances[cue]:.1f} {unit}"
                for cue, (_, unit) in CUES.items()
            )
            yield f"Mono, {stage}, distributions over all examples together, {name}: {found}."
