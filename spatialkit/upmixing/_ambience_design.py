"""What `Ambience` knows before it hears anything: where sounds go, and through which filters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit._harmonics import harmonics_in
from spatialkit.downmix import downmix_matrix
from spatialkit.errors import LayoutError
from spatialkit.geometry import to_cartesian
from spatialkit.layouts import AmbisonicFormat, Layout, get_layout
from spatialkit.panning import vbap_gains
from spatialkit.upmixing.passive import FRONT_ELEVATION, is_front

# Positions between the sides that direct sound is panned from.
POSITIONS = 257
# Stereo loudspeakers stand there: the tangent law says where a sound is between them.
STEREO_AZIMUTH = 30.0
# Weights against an error of 1 in a loudspeaker's gain: of direction, and of the fold-down.
DIRECTION_WEIGHT = 3.0
FOLD_WEIGHT = 1e4
LATERAL = 1e-6  # of a unit vector: less is in the middle
# Ambisonic ambience comes from there; part of the strongest below which directions are alike.
AMBISONIC_BED = "9.1.6"
LEAST_HARMONIC = 1e-5

DECORRELATOR_SECONDS = 0.030
DECORRELATOR_DENSITY = 1000.0  # impulses in a second
DECORRELATOR_DECAY_DB = -30.0  # at its end
PRE_DELAY_SECONDS = 0.006
SEED = 2026
CANDIDATES = 64
BAND_POINTS = 4  # frequencies in a third of an octave
# Of mono: how far from the middle (1 is the edge), a to and fro in ERBs, and above how many Hz.
MONO_SPREAD = 0.5
MONO_SPREAD_PERIOD = 5.0
MONO_SPREAD_FROM = 300.0
LFE_PLAYBACK_DB = 10.0


@dataclass(frozen=True, eq=False)
class Placement:
    """Where everything goes: outputs = matrix @ (input, direct, ambience, decorrelated, LFE)."""

    gains: NDArray[np.float64]
    """Gains of direct sound by its position, right to left, shape (POSITIONS, direct)."""
    routing: NDArray[np.float64]
    """Gains of the ambience of left and right before each decorrelator, (2, decorrelated)."""
    matrix: NDArray[np.float64]
    """Shape (outputs, input channels + direct + 2 + decorrelated + 1)."""


def place(target: Layout | AmbisonicFormat, options: Any, channels: int) -> Placement:
    """Placement for ``channels`` of input, 1 or 2."""
    if isinstance(target, AmbisonicFormat):
        return _place_in_harmonics(target, options, channels)
    return _place_on_loudspeakers(target, options, channels)


def _place_on_loudspeakers(layout: Layout, options: Any, channels: int) -> Placement:
    """Others than the front pair get their share, the pair what is left of the input."""
    stereo = _fold(layout, "stereo")
    pair = _front_pair(layout, stereo)
    fold = stereo if channels == 2 else _fold(layout, "mono")
    table = _direct_gains(layout, stereo, pair, options.width, options.center)
    others = np.setdiff1d(np.flatnonzero(table.any(axis=0)), pair)
    gains = table[:, others]
    placed = _one_hot(layout.n_channels, others)
    if channels == 1:
        # The pair's mid is what is left of the input; its side is direct sound.
        gains = np.column_stack([gains, 0.5 * (table[:, pair[0]] - table[:, pair[1]])])
        placed = np.column_stack([placed, _one_hot(layout.n_channels, pair) @ [1.0, -1.0]])
    routing = _routing(layout, options)
    around = np.flatnonzero(routing.any(axis=0))
    rear = _rear_share(options) if around.size else 0.0
    dry = rear * _undecorrelated(routing, stereo).T
    wet = (1.0 - rear) * _one_hot(layout.n_channels, around)
    lfe = _one_hot(layout.n_channels, np.flatnonzero(layout.is_lfe)).sum(axis=1, keepdims=True)
    matrix = np.concatenate([np.zeros((len(lfe), channels)), placed, dry, wet, lfe], axis=1)
    # What the fold-down lacks of the input goes to the pair.
    taken = fold @ matrix
    if not options.exact_downmix:
        ambient = channels + gains.shape[1]
        taken[:, ambient:] = 0.0
        taken[:, ambient : ambient + 2] = rear * np.eye(2)[2 - channels :]
    taken[:, -1] = 0.0
    missing = np.eye(channels, matrix.shape[1]) - taken
    matrix[list(pair)] += np.linalg.pinv(fold[:, list(pair)]) @ missing
    return Placement(gains, routing[:, around], matrix)


def _place_in_harmonics(form: AmbisonicFormat, options: Any, channels: int) -> Placement:
    """Direct sound is encoded where it is, all else as from loudspeakers; W is about (L + R)/2."""
    bed = get_layout(AMBISONIC_BED)
    pair = _front_pair(bed, _fold(bed, "stereo"))
    encoder = harmonics_in(np.nan_to_num(bed.directions), form).T * ~bed.is_lfe
    # A mono signal is that of a pair at -3 dB, and is W itself.
    sides = np.eye(2) if channels == 2 else np.full((2, 1), np.sqrt(0.5))
    scale = 0.5 if channels == 2 else np.sqrt(0.5)
    amplitudes, azimuth = _stage(options.width)
    mid = scale * amplitudes.sum(axis=1, keepdims=True)
    panned = mid * harmonics_in(to_cartesian(azimuth), form)
    # Few signals hold what all harmonics of the stage are made of.
    left, strength, right = np.linalg.svd(np.concatenate([panned, amplitudes], 1), False)
    kept = strength > LEAST_HARMONIC * strength[0]
    gains, right = left[:, kept] * strength[kept], right[kept].T
    front = scale * encoder[:, pair]
    direct = right[:-2] - front @ right[-2:]
    routing = _routing(bed, options)
    around = np.flatnonzero(routing.any(axis=0))
    rear = _rear_share(options)
    wet = (1.0 - rear) * scale * encoder[:, around]
    dry = rear * (scale * encoder @ _undecorrelated(routing, routing).T - front)
    none = np.zeros((form.n_channels, 1))
    matrix = np.concatenate([front @ sides, direct, dry, wet, none], axis=1)
    return Placement(gains, routing[:, around], matrix)


def _fold(layout: Layout, target: str) -> NDArray[np.float64]:
    """Rule of the fold-down; one by sides where no rule knows the loudspeakers."""
    try:
        return downmix_matrix(layout, target)
    except LayoutError:
        sides = downmix_matrix(layout, "stereo", method="sum")
        return sides if target == "stereo" else np.sqrt(0.5) * sides.sum(axis=0, keepdims=True)


def _front_pair(layout: Layout, fold: NDArray[np.float64]) -> tuple[int, int]:
    """Channels that fold to one side alone, nearest to where stereo loudspeakers stand."""
    pair = []
    for side, azimuth in enumerate((STEREO_AZIMUTH, -STEREO_AZIMUTH)):
        alone = (fold[side] == 1.0) & (fold[1 - side] == 0.0) & ~layout.is_lfe
        if not alone.any():
            raise LayoutError(
                f"layout {layout.name!r} has no loudspeaker on the {('left', 'right')[side]}: "
                "an upmix by ambience needs one on each side"
            )
        distance = np.hypot(layout.azimuth - azimuth, layout.elevation)
        pair.append(int(np.argmin(np.where(alone, distance, np.inf))))
    return pair[0], pair[1]


def _routing(layout: Layout, options: Any) -> NDArray[np.float64]:
    """Gains of each side's ambience in the channels that are not in front, shape (2, channels).

    At 0 dB all of them together play a side's ambience with its own power.
    """
    around = ~is_front(layout) & ~layout.is_lfe
    above = np.nan_to_num(layout.elevation) > FRONT_ELEVATION
    level = np.where(above, _amplitude(options.height), 1.0) * around
    lateral = np.nan_to_num(layout.directions[:, 1])
    gains = np.stack([np.where(lateral > -LATERAL, level, 0.0), level * (lateral < LATERAL)])
    gains[:, np.abs(lateral) <= LATERAL] *= np.sqrt(0.5)
    power = np.sum(gains**2, axis=1, keepdims=True)
    balance = np.sqrt(1.0 + min(options.front_rear, 0.0))
    # Without ear-level loudspeakers around, `height` is their level against the front.
    reference = np.where(np.any(level * ~above), power, np.sum((gains > 0.0) * 1.0, 1)[:, None])
    return balance * _amplitude(options.ambience) * gains / np.sqrt(np.maximum(reference, 1e-9))


def _undecorrelated(routing: NDArray[np.float64], fold: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gains (2, channels) that leave nothing of the ambience to the front."""
    folded = np.abs(np.sum(routing * fold, axis=1, keepdims=True))
    return routing / np.where(folded > 0.0, folded, 1.0)


def _rear_share(options: Any) -> float:
    """How much of the ambience leaves the front: no more than is played around."""
    return max(options.front_rear, 0.0) * min(_amplitude(options.ambience), 1.0)


def _stage(width: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Amplitudes of left and right (POSITIONS, 2), and the azimuth, of each position."""
    position = np.linspace(-1.0, 1.0, POSITIONS)
    amplitudes = np.stack([1.0 + position, 1.0 - position], axis=1)
    amplitudes /= np.linalg.norm(amplitudes, axis=1, keepdims=True)
    azimuth = np.rad2deg(np.arctan(position * np.tan(np.deg2rad(STEREO_AZIMUTH))))
    return amplitudes, azimuth * (width / STEREO_AZIMUTH)


def _direct_gains(
    layout: Layout,
    fold: NDArray[np.float64],
    pair: tuple[int, int],
    width: float,
    center: float,
) -> NDArray[np.float64]:
    """Gains of direct sound by its position, shape (POSITIONS, channels).

    Of all gains that are not negative and fold down to the amplitudes of the position those
    nearest to VBAP's, in direction first.
    """
    middle = is_front(layout) & (np.abs(layout.azimuth) < 1.0)
    shares = ((center, np.zeros_like(middle)), (1.0 - center, middle))
    return sum(
        (
            share * _folding_gains(layout, fold, pair, width, ~without & ~layout.is_lfe)
            for share, without in shares
            if share
        ),
        np.zeros((POSITIONS, layout.n_channels)),
    )


def _folding_gains(
    layout: Layout,
    fold: NDArray[np.float64],
    pair: tuple[int, int],
    width: float,
    allowed: NDArray[np.bool_],
) -> NDArray[np.float64]:
    from scipy.optimize import nnls

    kept = np.flatnonzero(allowed)
    labels = tuple(layout.labels[n] for n in kept)
    amplitudes, azimuth = _stage(width)
    panned = vbap_gains(
        azimuth, layout=Layout("allowed", labels, layout.azimuth[kept], layout.elevation[kept])
    )
    used = panned.any(axis=0) | np.isin(kept, pair)
    panned, kept = panned[:, used], kept[used]
    gains = np.zeros((POSITIONS, layout.n_channels))
    for n, angle in enumerate(np.deg2rad(azimuth)):
        sideways = layout.directions[kept] @ [-np.sin(angle), np.cos(angle), 0.0]
        rows = [FOLD_WEIGHT * fold[:, kept], DIRECTION_WEIGHT * sideways[None], np.eye(len(kept))]
        wanted = np.concatenate([FOLD_WEIGHT * amplitudes[n], [0.0], panned[n]])
        gains[n, kept] = nnls(np.concatenate(rows), wanted)[0]
    return gains


def _one_hot(channels: int, which: Any) -> NDArray[np.float64]:
    return np.eye(channels)[:, which]


def _frequencies(bins: int, sample_rate: int) -> NDArray[np.float64]:
    return np.linspace(0.0, 0.5 * sample_rate, bins)


def _amplitude(decibels: float) -> float:
    return 10.0 ** (decibels / 20.0)


@dataclass(frozen=True, eq=False)
class SparseFilter:
    """An impulse response of few taps."""

    delays: NDArray[np.int64]
    gains: NDArray[np.float64]


@lru_cache(maxsize=8)
def decorrelators(count: int, sample_rate: int) -> tuple[SparseFilter, ...]:
    """Velvet noise: one filter for each channel, of unit energy, unlike each other.

    References
    ----------
    .. [1] B. Alary, A. Politis and V. Valimaki, "Velvet-noise decorrelator", DAFx 2017.
    """
    rng = np.random.default_rng(SEED)
    return tuple(_velvet(rng, sample_rate) for _ in range(count))


def _velvet(rng: np.random.Generator, sample_rate: int) -> SparseFilter:
    """One signed impulse in each of equal stretches, dying away: the least coloured of many."""
    impulses = int(DECORRELATOR_SECONDS * DECORRELATOR_DENSITY)
    times = (np.arange(impulses) + rng.random((CANDIDATES, impulses))) / impulses
    gains = rng.choice([-1.0, 1.0], times.shape) * 10.0 ** (DECORRELATOR_DECAY_DB * times / 20.0)
    gains /= np.linalg.norm(gains, axis=1, keepdims=True)
    least = np.argmin(_colouration(DECORRELATOR_SECONDS * times, gains))
    delays = np.round((PRE_DELAY_SECONDS + DECORRELATOR_SECONDS * times[least]) * sample_rate)
    return SparseFilter(delays.astype(np.int64), gains[least])


def _colouration(seconds: NDArray[np.float64], gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation in dB of the third-octave levels of filters (filters, taps)."""
    third_octaves = np.arange(np.log2(50.0), np.log2(16000.0), 1.0 / 3.0)
    inside = (np.arange(BAND_POINTS) + 0.5) / BAND_POINTS / 3.0
    frequency = 2.0 ** (third_octaves[:, None] + inside)
    phase = np.exp(-2j * np.pi * seconds[:, :, None, None] * frequency)
    power = np.abs(np.einsum("ft,ftbp->fbp", gains, phase)) ** 2
    return np.std(10.0 * np.log10(power.mean(axis=2)), axis=1)


def band_edges(bins: int, sample_rate: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First bin, and the one after the last, of a band about each bin: one ERB wide.

    The equivalent rectangular bandwidth of hearing is 24.7 (4.37 f / 1000 + 1) Hz (Glasberg and
    Moore 1990).
    """
    frequency = _frequencies(bins, sample_rate)
    width = 24.7 * (4.37e-3 * frequency + 1.0)
    half = (0.5 * width / max(frequency[1], 1e-9)).astype(np.intp)
    centre = np.arange(bins)
    return np.maximum(centre - half, 0), np.minimum(centre + half + 1, bins)


def lfe_gains(bins: int, sample_rate: int, options: Any) -> NDArray[np.float64]:
    """Gains of L + R in the LFE: a Linkwitz-Riley low-pass of fourth order, without its phase.

    At 0 dB the bass is as loud in the LFE as in the other channels once the LFE is played 10 dB
    louder, as it is meant to be.
    """
    steep = (_frequencies(bins, sample_rate) / options.lfe_crossover) ** 4
    return _amplitude(options.lfe_level - LFE_PLAYBACK_DB) * np.sqrt(0.5) / (1.0 + steep)


def mono_spread(bins: int, sample_rate: int) -> NDArray[np.float64]:
    """Gains of a mono signal for left and right, shape (2, bins): bands to and fro, bass stays."""
    frequency = _frequencies(bins, sample_rate)
    erbs = 21.4 * np.log10(4.37e-3 * frequency + 1.0)
    above = frequency**2 / (frequency**2 + MONO_SPREAD_FROM**2)
    position = MONO_SPREAD * above * np.sin(2.0 * np.pi * erbs / MONO_SPREAD_PERIOD)
    amplitudes = np.stack([1.0 + position, 1.0 - position])
    return amplitudes / np.linalg.norm(amplitudes, axis=0)
