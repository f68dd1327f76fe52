"""Tables of the guide "First-order recordings": sharp and linear decoding of known sources.

Run ``python docs/make_first_order_table.py``. All signals are synthetic but for the music, which is
the bundled song. The upmixer `ambience` has the same sources, panned in stereo, as its input: its
column is a yardstick for the artefacts of gains that change with time.

The second table is of steady noises that are sampled at random: their number, colour, levels and
directions. ``--seed N`` samples others; the decoder was developed with other ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

from spatialkit import (
    decode_ambisonics,
    decode_foa,
    encode_ambisonics,
    encode_foa,
    get_layout,
    get_upmixer,
    read,
    sample_path,
    vbap_pan,
)
from spatialkit.benchmarks import gating_depth, level_pumping, log_kurtosis_ratio
from spatialkit.geometry import to_spherical
from spatialkit.metrics import angle_error, snr

RATE, SECONDS = 44100, 6.0
LAYOUT = get_layout("7.1.4")
# Measures with two decimals.
FINE = ("musical noise", "largest correlation", "level pumping, dB")
SYSTEMS = ("VBAP", "first order", "third order", "fifth order", "dirac", "ambience")
# Steady noises: scenes of each kind, and systems that are compared.
SAMPLES, COMPARED = 5, ("dirac", "ambience")
SEED = 20270
# As in the benchmark of upmixers.
MARGIN = 8192


@dataclass(frozen=True)
class Scene:
    """Sources with directions in degrees; with many of them, directions are not measured."""

    sources: np.ndarray
    azimuth: np.ndarray
    elevation: np.ndarray


def music() -> Scene:
    """Return four stems of the bundled song."""
    names = ("vocals", "drums", "bass", "other")
    stems = [
        read(sample_path(name), offset=6.0, duration=SECONDS).samples.mean(0) for name in names
    ]
    angles = np.array([[0.0, 0.0], [-60.0, 30.0], [20.0, 0.0], [110.0, 0.0]])
    return Scene(np.stack(stems).astype(np.float64), *angles.T)


def speech() -> Scene:
    """Return three talkers: glottal pulses and hiss through formants, in syllables with pauses."""
    talkers = [_talker(seed, pitch) for seed, pitch in enumerate((105.0, 140.0, 210.0))]
    return Scene(np.stack(talkers), np.array([30.0, -70.0, 140.0]), np.zeros(3))


def _talker(seed: int, pitch: float) -> np.ndarray:
    rng, voice = np.random.default_rng(seed), []
    while sum(map(len, voice)) < SECONDS * RATE:
        samples = round(rng.uniform(0.12, 0.28) * RATE)
        hertz = pitch * np.exp2(rng.uniform(-0.3, 0.3) + np.linspace(0.0, -0.2, samples))
        phase = np.cumsum(hertz / RATE)
        pulses = np.diff(np.floor(phase), prepend=0.0)
        hiss = rng.standard_normal(samples)
        is_fricative = rng.random() < 0.3
        sound = 0.3 * np.diff(hiss, prepend=0.0) if is_fricative else 8.0 * pulses + 0.02 * hiss
        formants = rng.uniform([250, 800, 2200], [850, 2200, 3000])
        for centre, width in zip(
            formants if not is_fricative else [5000.0], (80, 100, 150), strict=False
        ):
            radius, angle = np.exp(-np.pi * width / RATE), 2.0 * np.pi * centre / RATE
            resonance = [1.0, -2.0 * radius * np.cos(angle), radius**2]
            sound = lfilter([sum(resonance)], resonance, sound) + 0.1 * sound
        envelope = np.sin(np.pi * np.arange(samples) / samples) ** 0.5
        voice += [envelope * sound, np.zeros(round(rng.choice([0.02, 0.05, 0.35]) * RATE))]
    whole = np.concatenate(voice)[: round(SECONDS * RATE)]
    return 0.1 * whole / whole.std()


def applause() -> Scene:
    """Return claps, bursts of 10 ms of noise, 120 in a second, by 40 people around the listener."""
    rng, samples = np.random.default_rng(5), round(SECONDS * RATE)
    vectors = rng.standard_normal((40, 3)) * [1.0, 1.0, 0.3]
    people = np.zeros((40, samples))
    burst = np.exp(-np.arange(round(0.04 * RATE)) / (0.006 * RATE))
    for start in rng.integers(0, samples - len(burst), round(120 * SECONDS)):
        person = rng.integers(40)
        band = butter(1, rng.uniform([600, 2500], [1200, 6000]), "bandpass", fs=RATE, output="sos")
        people[person, start : start + len(burst)] += rng.lognormal(0.0, 0.5) * sosfilt(
            band, burst * rng.standard_normal(len(burst))
        )
    return Scene(0.1 * people / people.sum(0).std(), *to_spherical(vectors))


def noises() -> Scene:
    """Return four stationary noises at once."""
    rng = np.random.default_rng(6)
    sources = 0.1 * rng.standard_normal((4, round(SECONDS * RATE)))
    return Scene(sources, np.array([0.0, -60.0, 35.0, 140.0]), np.array([0.0, 20.0, 0.0, 0.0]))


def front_noises() -> Scene:
    """Return three stationary noises in front."""
    sources = 0.1 * np.random.default_rng(8).standard_normal((3, round(SECONDS * RATE)))
    return Scene(sources, np.array([0.0, 35.0, -35.0]), np.zeros(3))


def diffuse() -> Scene:
    """Return noise from 200 directions, equally likely on the sphere."""
    rng = np.random.default_rng(0)
    directions = to_spherical(rng.standard_normal((200, 3)))
    return Scene(0.01 * rng.standard_normal((200, round(SECONDS * RATE))), *directions)


def clicks() -> Scene:
    """Return clicks in four directions in turn, 0.4 s apart."""
    sources = np.zeros((4, round(SECONDS * RATE)))
    for number, start in enumerate(range(20000, sources.shape[1] - 20000, round(0.4 * RATE))):
        sources[number % 4, start] = 1.0
    return Scene(sources, np.array([0.0, -60.0, 35.0, 140.0]), np.zeros(4))


def feeds_of(system: str, scene: Scene) -> np.ndarray:
    """Return the loudspeaker signals of a system."""
    directions = scene.azimuth, scene.elevation
    if system == "VBAP":
        return vbap_pan(scene.sources, *directions, layout=LAYOUT)
    if system == "ambience":
        return get_upmixer("ambience", layout=LAYOUT).upmix(stereo_of(scene), RATE)
    if system == "dirac":
        return decode_foa(
            encode_foa(scene.sources, *directions), LAYOUT, decoder="dirac", sample_rate=RATE
        )
    order = {"first order": 1, "third order": 3, "fifth order": 5}[system]
    return decode_ambisonics(encode_ambisonics(scene.sources, *directions, order=order), LAYOUT)


def stereo_of(scene: Scene) -> np.ndarray:
    """Return the sources panned in stereo, from left to right as around the listener."""
    lateral = np.sin(np.radians(scene.azimuth)) * np.cos(np.radians(scene.elevation))
    return vbap_pan(scene.sources, 30.0 * lateral, layout="stereo")


def before_clicks(system: str, scene: Scene) -> float:
    """Return what clicks add to the 25 ms before them, in dB relative to a click.

    The clicks are 40 dB louder than steady noise from behind.
    """
    noise = 1e-2 * np.random.default_rng(7).standard_normal(scene.sources.shape[1:])
    azimuth, elevation = np.append(scene.azimuth, 170.0), np.append(scene.elevation, 0.0)
    both, alone = (
        feeds_of(system, Scene(np.vstack([sources, noise]), azimuth, elevation))
        for sources in (scene.sources, 0.0 * scene.sources)
    )
    _, starts = np.nonzero(scene.sources)
    added, near = np.square(both - alone), round(0.001 * RATE)
    early = [added[:, start - round(0.025 * RATE) : start - near].sum() for start in starts]
    clicks = [np.square(both[:, start - near : start + 400]).sum() for start in starts]
    return float(10.0 * np.log10(max(np.mean(early) / np.mean(clicks), 1e-15)))


def scores(system: str, name: str, scene: Scene) -> dict[str, float]:
    """Return the measures of a system for a scene."""
    if name == "clicks":
        return {"before a click, dB": before_clicks(system, scene)}
    feeds = feeds_of(system, scene)
    real = feeds[LAYOUT.loudspeakers]
    given = (
        stereo_of(scene)
        if system == "ambience"
        else encode_foa(scene.sources, scene.azimuth, scene.elevation)
    )
    found: dict[str, float] = {}
    if "noise" in name:
        found["musical noise"] = musical_noise(real, given, slice(MARGIN, -MARGIN))
    if name == "diffuse noise":
        found["largest correlation"] = float(np.abs(np.corrcoef(real) - np.eye(len(real))).max())
        return found
    if len(scene.sources) <= 4 and system != "ambience":
        errors = angle_error(
            scene.sources,
            feeds,
            scene.azimuth,
            LAYOUT,
            elevation=scene.elevation,
            weighting="energy",
        )
        found["direction error, degrees"] = float(np.mean(errors))
    if system not in ("VBAP", "ambience"):
        found["SNR to VBAP, dB"] = float(snr(feeds_of("VBAP", scene), feeds))
    found["gating depth, dB"] = gating_depth(real, given, RATE)
    found["level pumping, dB"] = level_pumping(real, given, RATE)
    return found


def musical_noise(feeds: np.ndarray, given: np.ndarray, part: slice) -> float:
    """Return the log kurtosis ratio of a part relative to stereo or W."""
    return log_kurtosis_ratio(feeds[:, part], given[: 2 if len(given) == 2 else 1, part])


def steady_noises(seed: int) -> Iterator[tuple[str, list[Scene]]]:
    """Yield kinds of scenes of steady noises, with scenes sampled at random."""
    samples = round(SECONDS * RATE)
    for colour in ("white", "pink"):
        for count in range(1, 6):
            scenes = []
            for number in range(SAMPLES):
                rng = np.random.default_rng([seed, number, count, len(colour)])
                noise = rng.standard_normal((min(count, 4), samples))
                if colour == "pink":
                    hertz = np.fft.rfftfreq(samples, 1.0 / RATE)
                    noise = np.fft.irfft(np.fft.rfft(noise) / np.sqrt(np.maximum(hertz, 20.0)))
                    noise /= noise.std()
                azimuth, elevation = rng.uniform([-180.0, -30.0], [180.0, 60.0], (4, 2)).T
                level = rng.uniform(-6.0, 0.0, (4, 1))
                if count == 5:  # in front, equally loud
                    azimuth, elevation = np.array([0.0, 35.0, -35.0, 0.0]), np.zeros(4)
                    noise, level = noise[:3], np.zeros((4, 1))
                used = len(noise)
                sources = 0.1 * 10.0 ** (level[:used] / 20.0) * noise
                scenes.append(Scene(sources, azimuth[:used], elevation[:used]))
            yield f"{count} {colour}" if count < 5 else f"3 {colour}, in front", scenes


def steady_scores(system: str, scene: Scene) -> list[float]:
    """Return the musical noise, also that of the first half second, and the pumping in dB."""
    feeds = feeds_of(system, scene)[LAYOUT.loudspeakers]
    given = (
        stereo_of(scene)
        if system == "ambience"
        else encode_foa(scene.sources, scene.azimuth, scene.elevation)
    )
    inner, start = slice(MARGIN, -MARGIN), slice(0, RATE // 2)
    ratios = [musical_noise(feeds, given, part) for part in (inner, start)]
    return [*ratios, level_pumping(feeds, given, RATE)]


SCENES = {
    "music": music,
    "speech": speech,
    "applause": applause,
    "noise from four directions": noises,
    "noise in front": front_noises,
    "diffuse noise": diffuse,
    "clicks": clicks,
}


def main() -> None:
    """Print Markdown tables; means of empty bands, where a source is silent, are left out."""
    parser = argparse.ArgumentParser(description="Print the tables of sharp decoding.")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the steady noises")
    seed = parser.parse_args().seed
    print("| scene | measure |", " | ".join(SYSTEMS), "|\n|---|---|" + "---:|" * len(SYSTEMS))
    for name, make in SCENES.items():
        scene = make()
        found = {system: scores(system, name, scene) for system in SYSTEMS}
        for number, measure in enumerate(found["dirac"]):
            values = [text_of(measure, found[system].get(measure)) for system in SYSTEMS]
            print(f"| {'' if number else name} | {measure} |", " | ".join(values), "|", flush=True)
    measures = ("musical noise", "first 0.5 s", "pumping, dB")
    titles = [f"{measure}: {system}" for measure in measures for system in COMPARED]
    print("\n| noises |", " | ".join(titles), "|\n|---|" + "---:|" * len(titles))
    for name, scenes in steady_noises(seed):
        values = np.array(
            [[steady_scores(system, scene) for system in COMPARED] for scene in scenes]
        )
        cells = [
            f"{max(column.mean(), 0.0):.2f} ({max(column.max(), 0.0):.2f})"
            for column in values.transpose(2, 1, 0).reshape(-1, len(scenes))
        ]
        print(f"| {name} |", " | ".join(cells), "|", flush=True)


def text_of(measure: str, value: float | None) -> str:
    """Return a value as text."""
    if value is None:
        return ""
    if measure.startswith("before") and value < -100.0:
        return "none"
    return f"{value:.2f}" if measure in FINE else f"{value:.1f}"


if __name__ == "__main__":
    main()
