"""Responses of shoebox rooms to a first-order receiver: pyroomacoustics traces, we assemble.

pyroomacoustics gives the image sources, and energies of rays by time, band and direction. What it
makes of them is one signal for each microphone, with random fine structure of its own: omni and
figures of eight at one point then share the early reflections, but not the tail. Here every
arrival, early or late, goes to all four channels with the gains of its direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import harmonics_in
from spatialkit.errors import OptionError
from spatialkit.geometry import rotation_matrix
from spatialkit.layouts import AmbisonicFormat
from spatialkit.validation import extra
from spatialkit_models.data.rooms.plans import CENTERS, LEAST_DETOUR, WALLS, Plan

if TYPE_CHECKING:
    import pyroomacoustics as pra

__all__ = ["DIRECT_SECONDS", "import_tracer", "respond"]

DIRECT_SECONDS = 0.003
"""When the direct sound arrives: its way through the air is left out."""

TEMPERATURE, HUMIDITY = 20.0, 50.0
# Reflections that are image sources; rays are those of higher orders, and what scatters.
ORDER = 8
RAYS = 3000
RAY_DIRECTIONS = 400
BIN_SECONDS = 0.004
# Rays end at -70 dB, and after so many times RT60.
RAY_ENERGY = 1e-7
RAY_TIMES = 1.3
# Bins over which energies, and directions of the tail, are averaged: few rays hit in one.
ENERGY_BINS, DIRECTION_BINS = 3, 11
# Arrivals per second beyond which an ear, or an STFT, hears noise.
MOST_ARRIVALS = 10_000.0
# Half the length of the kernel that places an arrival between samples.
HALF_KERNEL = 32
# Amplitude of the direct sound at one metre: all of a response is below full scale, as in FLAC.
AT_ONE_METRE = 0.5
# Hz below which image sources, all of one sign, would add up to a pressure that no room holds.
HIGH_PASS = 20.0
# What is left when a response ends, and how it does.
END_DB, FADE_SECONDS = -65.0, 0.02

AMBIX = AmbisonicFormat(1)


def respond(
    plan: Plan, sources: Sequence[int], exponent: float, sample_rate: int, key: Sequence[int]
) -> list[NDArray[np.float32]]:
    """Responses (4, samples) in AmbiX for some of a plan's sources, by their numbers.

    Each is a pure function of the arguments: ``key`` seeds, together with the source's number.
    """
    pra = import_tracer()
    absorption = plan.absorption(exponent)
    # The tracer adds what scatters to whole specular reflections, so these are simulated without
    # it, and both are lowered. It counts rays from its own order on: one above the images'.
    specular = _room(pra, plan, absorption, 0.0, sample_rate, max_order=ORDER)
    traced = _room(
        pra, plan, absorption, plan.scattering, sample_rate, max_order=ORDER + 1, ray_tracing=True
    )
    traced.set_ray_tracing(
        n_rays=RAYS,
        energy_thres=RAY_ENERGY,
        time_thres=RAY_TIMES * plan.rt60 + 0.1,
        hist_bin_size=BIN_SECONDS,
        receiver_n_directions=RAY_DIRECTIONS,
    )
    responses = []
    for number in sources:
        # Never 0, which NumPy takes for no number at all.
        rng = np.random.default_rng([*key, 1 + number])
        position = plan.sources[number]
        direct = float(plan.distance[number])
        images = _images(specular, plan, position, sample_rate)
        # The tracer draws from a generator of its whole process.
        seed = int(rng.integers(2**63))
        pra.random.seed(numpy=seed, libroom=seed)
        tail = _tail(traced, plan, position, direct, sample_rate, rng)
        bands = np.asarray(specular.octave_bands.centers)
        responses.append(_assemble((images, tail), bands, sample_rate))
    return responses


def import_tracer() -> Any:
    """Return pyroomacoustics, or raise an error that says what to install."""
    try:
        import pyroomacoustics
    except ImportError as error:
        raise OptionError(f"simulating rooms needs pyroomacoustics: {extra('train')}") from error
    return pyroomacoustics


def _room(
    pra: Any,
    plan: Plan,
    absorption: NDArray[np.float64],
    scattering: float,
    sample_rate: int,
    **options: Any,
) -> pra.ShoeBox:
    def banded(values: NDArray[np.float64]) -> dict[str, Any]:
        return {"coeffs": list(values), "center_freqs": list(CENTERS), "description": ""}

    room = pra.ShoeBox(
        plan.size,
        fs=sample_rate,
        materials={
            wall: pra.Material(
                banded(absorption[:, number]), banded(np.full(len(CENTERS), scattering))
            )
            for number, wall in enumerate(WALLS)
        },
        air_absorption=True,
        temperature=TEMPERATURE,
        humidity=HUMIDITY,
        **options,
    )
    # A directivity, though omnidirectional, makes it keep the directions of rays.
    room.add_microphone(
        plan.receiver, directivity=pra.directivities.CardioidFamily([1.0, 0.0, 0.0], p=1.0)
    )
    return room


@dataclass(frozen=True, eq=False)
class _Arrivals:
    """Plane waves: samples after the direct sound, amplitudes (bands, n), gains (4, n)."""

    time: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    gains: NDArray[np.float64]


def _gains(vectors: NDArray[np.float64], yaw: float) -> NDArray[np.float64]:
    """What the receiver makes of plane waves from directions (n, 3) in the room: (4, n)."""
    return harmonics_in(vectors @ rotation_matrix(-yaw).T, AMBIX).T


def _images(
    room: pra.ShoeBox, plan: Plan, position: NDArray[np.float64], sample_rate: int
) -> _Arrivals:
    """Direct sound and reflections up to `ORDER`."""
    room.sources.clear()
    room.add_source(position)
    room.image_source_model()
    ways = room.sources[0].images.T.astype(np.float64) - plan.receiver
    # The tracer knows the direct sound to float32 only.
    (direct,) = np.flatnonzero(room.sources[0].orders == 0)
    ways[direct] = position - plan.receiver
    distance = np.linalg.norm(ways, axis=1)
    amplitude = room.sources[0].damping / distance * _air(room, distance)
    amplitude[:, room.sources[0].orders > 0] /= np.sqrt(1.0 + plan.scattering)
    return _Arrivals(
        (distance - distance[direct]) / room.c * sample_rate,
        amplitude,
        _gains(ways / distance[:, None], plan.yaw),
    )


def _tail(
    room: pra.ShoeBox,
    plan: Plan,
    position: NDArray[np.float64],
    direct: float,
    sample_rate: int,
    rng: np.random.Generator,
) -> _Arrivals:
    """Waves as dense as a room's, of random signs, with the energies and directions of the rays."""
    from scipy.ndimage import uniform_filter1d

    room.sources.clear()
    room.add_source(position)
    room.ray_tracing()
    found = room.rt_histograms[0][0]
    bins = max(histogram.shape[1] for histogram in found)
    energy = np.zeros((found[0].shape[0], bins))
    # By bins, so that chances of directions lie side by side.
    directions = np.zeros((bins, len(found)))
    for number, histogram in enumerate(found):
        length = histogram.shape[1]
        energy[:, :length] += histogram
        directions[:length, number] = histogram.sum(axis=0)
    # At least 0: the running sums round.
    energy = np.maximum(uniform_filter1d(energy, ENERGY_BINS, mode="constant"), 0.0)
    directions = np.maximum(
        uniform_filter1d(directions, DIRECTION_BINS, axis=0, mode="constant"), 0.0
    )
    step = room.rt_args["hist_bin_size"]
    middle = (np.arange(bins) + 0.5) * step
    rate = 4.0 * np.pi * room.c**3 * middle**2 / np.prod(plan.size)
    counts = np.maximum(1, np.minimum(rate, MOST_ARRIVALS) * step).astype(int)
    # Scattered sound is not there before the direct sound, though its bin may begin there.
    counts[energy.sum(axis=0) == 0.0] = 0
    where = np.repeat(np.arange(bins), counts)
    time = (where + rng.random(len(where))) * step - direct / room.c
    late = time > LEAST_DETOUR / room.c
    chances = np.cumsum(directions, axis=1)[where[late]]
    chosen = (chances < rng.random((late.sum(), 1)) * chances[:, -1:]).sum(axis=1)
    vectors = _fibonacci(room.rt_args["receiver_n_directions"])[chosen]
    # Between the directions that are counted.
    vectors = vectors + rng.normal(0.0, np.sqrt(1.0 / RAY_DIRECTIONS), vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    each = energy / np.maximum(counts, 1) / (1.0 + plan.scattering)
    amplitude = (np.sqrt(each) * _air(room, room.c * middle))[:, where[late]]
    amplitude *= rng.choice((-1.0, 1.0), late.sum())
    return _Arrivals(np.rint(time[late] * sample_rate), amplitude, _gains(vectors, plan.yaw))


def _air(room: pra.ShoeBox, distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """What air leaves of an amplitude after so many metres, (bands, n)."""
    left: NDArray[np.float64] = np.exp(-0.5 * np.asarray(room.air_absorption)[:, None] * distance)
    return left


def _fibonacci(count: int) -> NDArray[np.float64]:
    """Directions (count, 3) in which the tracer counts rays."""
    from pyroomacoustics.doa import fibonacci_spherical_sampling

    vectors: NDArray[np.float64] = np.asarray(fibonacci_spherical_sampling(count), np.float64).T
    return vectors


def _assemble(
    parts: tuple[_Arrivals, ...], centers: NDArray[np.float64], sample_rate: int
) -> NDArray[np.float32]:
    """Response (4, samples) of all arrivals, as long as it is heard."""
    from scipy.fft import irfft, next_fast_len, rfft
    from scipy.signal import butter, sosfilt

    begin = HALF_KERNEL + round(DIRECT_SECONDS * sample_rate)
    last = max(float(part.time.max(initial=0.0)) for part in parts)
    length = begin + int(last) + 2 * HALF_KERNEL
    # What filters without delay spread before the beginning comes out at the end.
    padded = next_fast_len(length + sample_rate // 4, real=True)
    spectrum = np.zeros((4, padded // 2 + 1), np.complex128)
    hats = _hats(np.arange(padded // 2 + 1) * sample_rate / padded, centers)
    placed = [_placed(part.time + begin) for part in parts]
    for band, hat in enumerate(hats):
        train = np.zeros((4, padded))
        for part, (samples, kernel) in zip(parts, placed, strict=True):
            for channel, gains in enumerate(part.gains):
                values = (part.amplitude[band] * gains)[:, None] * kernel
                train[channel] += np.bincount(samples.ravel(), values.ravel(), padded)
        spectrum += rfft(train, axis=1) * hat
    sound = irfft(spectrum, padded, axis=1)[:, HALF_KERNEL:length]
    sound = sosfilt(butter(2, HIGH_PASS, "highpass", fs=sample_rate, output="sos"), sound)
    return _ended(AT_ONE_METRE * sound, sample_rate).astype(np.float32)


def _placed(time: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Samples (n, taps) on which arrivals fall, and how: a sinc under Hann's window.

    Of those that all come at whole samples it has one tap.
    """
    whole = np.rint(time).astype(np.intp)
    if np.array_equal(whole, time):
        return whole[:, None], np.ones((len(time), 1))
    taps = np.arange(-HALF_KERNEL, HALF_KERNEL + 1)
    offset = taps - (time - whole)[:, None]
    window = 0.5 + 0.5 * np.cos(np.pi * np.clip(offset / (HALF_KERNEL + 1), -1.0, 1.0))
    return whole[:, None] + taps, np.sinc(offset) * window


def _hats(frequency: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the bands at each frequency, of sum 1: raised cosines over octaves."""
    octaves = np.log2(np.maximum(frequency, 1.0) / centers[0])
    place = np.clip(octaves, 0.0, len(centers) - 1.0)
    distance = np.abs(place - np.arange(len(centers))[:, None])
    return 0.5 + 0.5 * np.cos(np.pi * np.minimum(distance, 1.0))


def _ended(sound: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """Cut where the rest is `END_DB` of the whole, and fade that out."""
    left = np.cumsum((sound**2).sum(axis=0)[::-1])[::-1]
    end = int(np.count_nonzero(left > left[0] * 10.0 ** (END_DB / 10.0)))
    fade = round(FADE_SECONDS * sample_rate)
    sound = sound[:, : end + fade].copy()
    fade = min(fade, sound.shape[1])
    sound[:, sound.shape[1] - fade :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fade + 1) / fade)
    return sound
