"""Responses of shoebox rooms to a first-order receiver, from sound paths by pyroomacoustics.

pyroomacoustics provides image sources, and energies of rays by time, band and direction. Its own
responses have an independent random fine structure for each microphone, so that coincident omni
and figure-of-eight microphones share the early reflections but not the tail. Here every arrival,
early or late, is added to all four channels with the gains of its direction.
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
from spatialkit_models.data.rooms.plans import CENTERS, MIN_DETOUR, WALLS, Plan

if TYPE_CHECKING:
    import pyroomacoustics as pra

__all__ = ["DIRECT_SECONDS", "import_tracer", "respond"]

DIRECT_SECONDS = 0.003
"""Arrival time of the direct sound in all responses, without its travel time."""

TEMPERATURE, HUMIDITY = 20.0, 50.0
# Maximum order of image sources; rays model higher orders and scattering.
ORDER = 8
RAYS = 3000
RAY_DIRECTIONS = 400
BIN_SECONDS = 0.004
# Energy and time (relative to RT60) at which rays end.
RAY_ENERGY = 1e-7
RAY_TIMES = 1.3
# Bins over which energies and directions of the tail are averaged, as a bin has few rays.
ENERGY_BINS, DIRECTION_BINS = 3, 11
# Arrivals per second beyond which the tail is equivalent to noise.
MAX_ARRIVALS = 10_000.0
# Half the length of the kernel that places an arrival between samples.
HALF_KERNEL = 32
# Amplitude of the direct sound at one metre, which keeps responses below full scale of FLAC.
AT_ONE_METRE = 0.5
# High-pass in Hz: image sources of equal sign would add up to a static pressure.
HIGH_PASS = 20.0
# Remaining energy at the end of a response, and length of its fade-out.
END_DB, FADE_SECONDS = -65.0, 0.02

AMBIX = AmbisonicFormat(1)


def respond(
    plan: Plan, sources: Sequence[int], exponent: float, sample_rate: int, key: Sequence[int]
) -> list[NDArray[np.float32]]:
    """Return responses (4, samples) in AmbiX for sources of a plan, by number.

    Each is a pure function of the arguments; ``key`` and the number of the source are its seed.
    """
    pra = import_tracer()
    absorption = plan.absorption(exponent)
    # The tracer adds scattered energy to full specular reflections, so specular reflections are
    # simulated without scattering, and both are attenuated. It counts rays from its order on,
    # which is one above that of the image sources.
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
        # At least 1: NumPy ignores trailing zeros of a seed.
        rng = np.random.default_rng([*key, 1 + number])
        position = plan.sources[number]
        direct = float(plan.distance[number])
        images = _images(specular, plan, position, sample_rate)
        # The tracer uses a generator of the whole process.
        seed = int(rng.integers(2**63))
        pra.random.seed(numpy=seed, libroom=seed)
        tail = _tail(traced, plan, position, direct, sample_rate, rng)
        bands = np.asarray(specular.octave_bands.centers)
        responses.append(_assemble((images, tail), bands, sample_rate))
    return responses


def import_tracer() -> Any:
    """Return pyroomacoustics, or raise an error that names the extra to install."""
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
    # With a directivity, even an omnidirectional one, the tracer records directions of rays.
    room.add_microphone(
        plan.receiver, directivity=pra.directivities.CardioidFamily([1.0, 0.0, 0.0], p=1.0)
    )
    return room


@dataclass(frozen=True, eq=False)
class _Arrivals:
    """Plane waves: delay after the direct sound in samples, amplitudes (bands, n), gains (4, n)."""

    time: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    gains: NDArray[np.float64]


def _gains(vectors: NDArray[np.float64], yaw: float) -> NDArray[np.float64]:
    """Return the gains of plane waves from directions (n, 3) in the room, (4, n)."""
    return harmonics_in(vectors @ rotation_matrix(-yaw).T, AMBIX).T


def _images(
    room: pra.ShoeBox, plan: Plan, position: NDArray[np.float64], sample_rate: int
) -> _Arrivals:
    """Return the direct sound and reflections up to `ORDER`."""
    room.sources.clear()
    room.add_source(position)
    room.image_source_model()
    paths = room.sources[0].images.T.astype(np.float64) - plan.receiver
    # The tracer computes the direct path in float32 only.
    (direct,) = np.flatnonzero(room.sources[0].orders == 0)
    paths[direct] = position - plan.receiver
    distance = np.linalg.norm(paths, axis=1)
    amplitude = room.sources[0].damping / distance * _air(room, distance)
    amplitude[:, room.sources[0].orders > 0] /= np.sqrt(1.0 + plan.scattering)
    return _Arrivals(
        (distance - distance[direct]) / room.c * sample_rate,
        amplitude,
        _gains(paths / distance[:, None], plan.yaw),
    )


def _tail(
    room: pra.ShoeBox,
    plan: Plan,
    position: NDArray[np.float64],
    direct: float,
    sample_rate: int,
    rng: np.random.Generator,
) -> _Arrivals:
    """Return plane waves of random sign with the energies and directions of the rays."""
    from scipy.ndimage import uniform_filter1d

    room.sources.clear()
    room.add_source(position)
    room.ray_tracing()
    found = room.rt_histograms[0][0]
    bins = max(histogram.shape[1] for histogram in found)
    energy = np.zeros((found[0].shape[0], bins))
    # By bin, so that the probabilities of directions are contiguous.
    directions = np.zeros((bins, len(found)))
    for number, histogram in enumerate(found):
        length = histogram.shape[1]
        energy[:, :length] += histogram
        directions[:length, number] = histogram.sum(axis=0)
    # Running sums may be negative by rounding.
    energy = np.maximum(uniform_filter1d(energy, ENERGY_BINS, mode="constant"), 0.0)
    directions = np.maximum(
        uniform_filter1d(directions, DIRECTION_BINS, axis=0, mode="constant"), 0.0
    )
    step = room.rt_args["hist_bin_size"]
    middle = (np.arange(bins) + 0.5) * step
    rate = 4.0 * np.pi * room.c**3 * middle**2 / np.prod(plan.size)
    counts = np.maximum(1, np.minimum(rate, MAX_ARRIVALS) * step).astype(int)
    # No scattered sound before the direct sound, even if its bin starts earlier.
    counts[energy.sum(axis=0) == 0.0] = 0
    where = np.repeat(np.arange(bins), counts)
    time = (where + rng.random(len(where))) * step - direct / room.c
    late = time > MIN_DETOUR / room.c
    cumulative = np.cumsum(directions, axis=1)[where[late]]
    chosen = (cumulative < rng.random((late.sum(), 1)) * cumulative[:, -1:]).sum(axis=1)
    vectors = _fibonacci(room.rt_args["receiver_n_directions"])[chosen]
    # Spread between the directions of the histogram.
    vectors = vectors + rng.normal(0.0, np.sqrt(1.0 / RAY_DIRECTIONS), vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    each = energy / np.maximum(counts, 1) / (1.0 + plan.scattering)
    amplitude = (np.sqrt(each) * _air(room, room.c * middle))[:, where[late]]
    amplitude *= rng.choice((-1.0, 1.0), late.sum())
    return _Arrivals(np.rint(time[late] * sample_rate), amplitude, _gains(vectors, plan.yaw))


def _air(room: pra.ShoeBox, distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the attenuation of amplitudes by air over a distance in metres, (bands, n)."""
    gains: NDArray[np.float64] = np.exp(-0.5 * np.asarray(room.air_absorption)[:, None] * distance)
    return gains


def _fibonacci(count: int) -> NDArray[np.float64]:
    """Return the directions (count, 3) of the tracer's histogram of rays."""
    from pyroomacoustics.doa import fibonacci_spherical_sampling

    vectors: NDArray[np.float64] = np.asarray(fibonacci_spherical_sampling(count), np.float64).T
    return vectors


def _assemble(
    parts: tuple[_Arrivals, ...], centers: NDArray[np.float64], sample_rate: int
) -> NDArray[np.float32]:
    """Return the response (4, samples) of all arrivals."""
    from scipy.fft import irfft, next_fast_len, rfft
    from scipy.signal import butter, sosfilt

    begin = HALF_KERNEL + round(DIRECT_SECONDS * sample_rate)
    last = max(float(part.time.max(initial=0.0)) for part in parts)
    length = begin + int(last) + 2 * HALF_KERNEL
    # Zero-phase filters extend before the start, which wraps around to the end.
    padded = next_fast_len(length + sample_rate // 4, real=True)
    spectrum = np.zeros((4, padded // 2 + 1), np.complex128)
    weights = _band_weights(np.arange(padded // 2 + 1) * sample_rate / padded, centers)
    delays = [_fractional_delays(part.time + begin) for part in parts]
    for band, weight in enumerate(weights):
        train = np.zeros((4, padded))
        for part, (samples, kernel) in zip(parts, delays, strict=True):
            for channel, gains in enumerate(part.gains):
                values = (part.amplitude[band] * gains)[:, None] * kernel
                train[channel] += np.bincount(samples.ravel(), values.ravel(), padded)
        spectrum += rfft(train, axis=1) * weight
    sound = irfft(spectrum, padded, axis=1)[:, HALF_KERNEL:length]
    sound = sosfilt(butter(2, HIGH_PASS, "highpass", fs=sample_rate, output="sos"), sound)
    return _truncated(AT_ONE_METRE * sound, sample_rate).astype(np.float32)


def _fractional_delays(time: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return indices (n, taps) and weights of fractional delays: a Hann-windowed sinc.

    Whole delays have one tap.
    """
    whole = np.rint(time).astype(np.intp)
    if np.array_equal(whole, time):
        return whole[:, None], np.ones((len(time), 1))
    taps = np.arange(-HALF_KERNEL, HALF_KERNEL + 1)
    offset = taps - (time - whole)[:, None]
    window = 0.5 + 0.5 * np.cos(np.pi * np.clip(offset / (HALF_KERNEL + 1), -1.0, 1.0))
    return whole[:, None] + taps, np.sinc(offset) * window


def _band_weights(
    frequency: NDArray[np.float64], centers: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weights of the bands by frequency, raised cosines over octaves of sum 1."""
    octaves = np.log2(np.maximum(frequency, 1.0) / centers[0])
    place = np.clip(octaves, 0.0, len(centers) - 1.0)
    distance = np.abs(place - np.arange(len(centers))[:, None])
    return 0.5 + 0.5 * np.cos(np.pi * np.minimum(distance, 1.0))


def _truncated(sound: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """Cut a response where the remaining energy is `END_DB`, and fade it out."""
    remaining = np.cumsum((sound**2).sum(axis=0)[::-1])[::-1]
    end = int(np.count_nonzero(remaining > remaining[0] * 10.0 ** (END_DB / 10.0)))
    fade = round(FADE_SECONDS * sample_rate)
    sound = sound[:, : end + fade].copy()
    fade = min(fade, sound.shape[1])
    sound[:, sound.shape[1] - fade :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fade + 1) / fade)
    return sound
