"""Placement of direct sound and ambience by `Ambience`: gains computed from the options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import harmonics_in
from spatialkit.decorrelation import decorrelator_numbers
from spatialkit.downmix import downmix_matrix
from spatialkit.errors import LayoutError
from spatialkit.geometry import to_cartesian
from spatialkit.layouts import AmbisonicFormat, Layout, get_layout
from spatialkit.panning import vbap_gains
from spatialkit.upmixing.ambience.filters import amplitude
from spatialkit.upmixing.ambience.least_squares import nonnegative_least_squares
from spatialkit.upmixing.passive import FRONT_ELEVATION, is_front

# Number of positions, from right to left, in the tables of panning gains.
POSITIONS = 257
# Azimuth of stereo loudspeakers; the tangent law gives the azimuth of sources between them.
STEREO_AZIMUTH = 30.0
# Weights of errors of direction and of the downmix, relative to errors of loudspeaker gains.
DIRECTION_WEIGHT = 3.0
DOWNMIX_WEIGHT = 1e4
MIN_LATERAL = 1e-6  # lateral component of a unit vector; smaller values are in the median plane
# Part of the common decorrelated ambience of left and right that the centre plays. With 1, levels
# are mirrored if the ambience of left and right is of opposite polarity, with 2 if uncorrelated;
# this is the best for 17 excerpts of songs.
CENTRE_RATIO = 1.2
AMBISONIC_BED = "9.1.6"  # loudspeaker directions at which Ambisonic ambience is encoded
# Smallest singular value of the direct gains that is kept, relative to the largest.
MIN_SINGULAR_VALUE = 1e-5


@dataclass(frozen=True, eq=False)
class Placement:
    """Gains of an upmix: outputs = matrix @ (input, direct, ambience, decorrelated, LFE)."""

    gains: NDArray[np.float64]
    """Gains of direct sound by position, from right to left, shape (POSITIONS, direct)."""
    routing: NDArray[np.float64]
    """Gains of the ambience of left and right before each decorrelator, (2, decorrelated)."""
    decorrelators: NDArray[np.intp]
    """Number n of the decorrelator of a channel, ~n for its mirror image, (decorrelated,)."""
    matrix: NDArray[np.float64]
    """Mixing gains, shape (outputs, input channels + direct + 2 + decorrelated + 1)."""


def place(target: Layout | AmbisonicFormat, options: Any, channels: int) -> Placement:
    """Return the placement for 1 or 2 input ``channels``."""
    if isinstance(target, AmbisonicFormat):
        return _place_in_ambisonics(target, options, channels)
    return _place_on_loudspeakers(target, options, channels)


def _place_on_loudspeakers(layout: Layout, options: Any, channels: int) -> Placement:
    stereo = _downmix_gains(layout, "stereo")
    pair = _front_pair(layout, stereo)
    if options.exact_downmix:
        return _place_with_exact_downmix(layout, options, channels, stereo, pair)
    return _place_by_vbap(layout, options, channels, pair)


def _place_with_exact_downmix(
    layout: Layout,
    options: Any,
    channels: int,
    stereo: NDArray[np.float64],
    pair: tuple[int, int],
) -> Placement:
    """Place sound in the other channels; the front plays the residual of the input."""
    downmix = stereo if channels == 2 else _downmix_gains(layout, "mono")
    table = _direct_gains(layout, options.width, options.center)
    others = np.setdiff1d(np.flatnonzero(table.any(axis=0)), pair)
    gains = table[:, others]
    placed = _one_hot(layout.n_channels, others)
    if channels == 1:
        # The mid signal of the pair is the residual of the input; its side signal is direct sound.
        gains = np.column_stack([gains, 0.5 * (table[:, pair[0]] - table[:, pair[1]])])
        placed = np.column_stack([placed, _one_hot(layout.n_channels, pair) @ [1.0, -1.0]])
    routing = _routing(layout, options)
    around = np.flatnonzero(routing.any(axis=0))
    rear = _rear_gain(options) if around.size else 0.0
    dry = rear * _undecorrelated(routing, stereo).T
    wet = _one_hot(layout.n_channels, around) @ _decorrelated(
        stereo[:, around], routing[:, around], rear / amplitude(options.ambience)
    )
    lfe = _one_hot(layout.n_channels, np.flatnonzero(layout.is_lfe)).sum(axis=1, keepdims=True)
    matrix = np.concatenate([np.zeros((len(lfe), channels)), placed, dry, wet, lfe], axis=1)
    # The front plays the difference between the input and the downmix of the other channels.
    downmixed = downmix @ matrix
    downmixed[:, -1] = 0.0
    residual = np.eye(channels, matrix.shape[1]) - downmixed
    decorrelated = slice(-1 - wet.shape[1], -1)
    share = _centre_share(layout, downmix, residual[:, decorrelated], options.center)
    matrix[:, decorrelated] += share
    residual[:, decorrelated] -= downmix @ share
    matrix[list(pair)] += np.linalg.pinv(downmix[:, list(pair)]) @ residual
    return Placement(gains, routing[:, around], decorrelator_numbers(layout, around), matrix)


def _centre_share(
    layout: Layout, downmix: NDArray[np.float64], residual: NDArray[np.float64], center: float
) -> NDArray[np.float64]:
    """Return the gains (outputs, signals) of the centre loudspeaker that replace the front pair.

    The centre plays the part of ``residual``, the missing downmix, that left and right share.
    The pair then plays nearly the same signal with opposite signs, so that decorrelators, which
    differ between left and right, change the level of both by nearly the same amount.
    """
    gains = np.zeros((layout.n_channels, residual.shape[1]))
    middle = np.flatnonzero(_middle(layout))[:1]
    if middle.size and downmix[:, middle].min() > 0.0:
        common = center * CENTRE_RATIO * residual.mean(axis=0)
        gains[middle] = common / downmix[:, middle].mean()
    return gains


def _place_by_vbap(layout: Layout, options: Any, channels: int, pair: tuple[int, int]) -> Placement:
    """Pan direct sound by VBAP; the front pair plays the residual, including the ambience."""
    amplitudes, azimuth = _stage(options.width)
    panned = _centered(layout, options.center, partial(_panned, layout, pair, azimuth))
    front = _one_hot(layout.n_channels, pair)
    routing = _routing(layout, options)
    around = np.flatnonzero(routing.any(axis=0))
    rear = _rear_gain(options) if around.size else 0.0
    gains, direct = _direct_signals(panned, amplitudes, front, channels)
    wet = _one_hot(layout.n_channels, around)
    dry = -rear * front
    lfe = _one_hot(layout.n_channels, np.flatnonzero(layout.is_lfe)).sum(axis=1, keepdims=True)
    matrix = np.concatenate([front @ _input_gains(channels), direct, dry, wet, lfe], axis=1)
    return Placement(gains, routing[:, around], decorrelator_numbers(layout, around), matrix)


def _place_in_ambisonics(form: AmbisonicFormat, options: Any, channels: int) -> Placement:
    """Encode direct sound at its azimuth and the rest as loudspeakers; W is about (L + R) / 2."""
    bed = get_layout(AMBISONIC_BED)
    pair = _front_pair(bed, _downmix_gains(bed, "stereo"))
    encoder = harmonics_in(np.nan_to_num(bed.directions), form).T * ~bed.is_lfe
    scale = 0.5 if channels == 2 else np.sqrt(0.5)  # W of a mono input is the input
    amplitudes, azimuth = _stage(options.width)
    mid = scale * amplitudes.sum(axis=1, keepdims=True)
    panned = mid * harmonics_in(to_cartesian(azimuth), form)
    front = scale * encoder[:, pair]
    gains, direct = _direct_signals(panned, amplitudes, front, channels)
    routing = _routing(bed, options)
    around = np.flatnonzero(routing.any(axis=0))
    rear = _rear_gain(options)
    wet = np.sqrt(1.0 - (rear / amplitude(options.ambience)) ** 2) * scale * encoder[:, around]
    dry = rear * (scale * encoder @ _undecorrelated(routing, routing).T - front)
    lfe = np.zeros((form.n_channels, 1))
    matrix = np.concatenate([front @ _input_gains(channels), direct, dry, wet, lfe], axis=1)
    return Placement(gains, routing[:, around], decorrelator_numbers(bed, around), matrix)


def _direct_signals(
    panned: NDArray[np.float64],
    amplitudes: NDArray[np.float64],
    front: NDArray[np.float64],
    channels: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the gains of direct signals by position, and of the outputs from these signals.

    The outputs play panned direct sound, minus the direct sound that the front plays already. A
    singular value decomposition reduces the number of signals to the rank of the gains.
    """
    if channels == 1:  # the front plays the mono input, without the spreading
        amplitudes = amplitudes.mean(axis=1, keepdims=True).repeat(2, axis=1)
    left, strength, right = np.linalg.svd(np.concatenate([panned, amplitudes], 1), False)
    kept = strength > MIN_SINGULAR_VALUE * strength[0]
    right = right[kept].T
    return left[:, kept] * strength[kept], right[:-2] - front @ right[-2:]


def _input_gains(channels: int) -> NDArray[np.float64]:
    """Return the gains of the input in left and right; mono is in both at -3 dB."""
    return np.eye(2) if channels == 2 else np.full((2, 1), np.sqrt(0.5))


def _downmix_gains(layout: Layout, target: str) -> NDArray[np.float64]:
    """Return the downmix matrix, or sums of left and right if no rule covers the layout."""
    try:
        return downmix_matrix(layout, target)
    except LayoutError:
        if np.sum(~layout.is_lfe) < 3:
            raise LayoutError(
                f"layout {layout.name!r} has too few loudspeakers; 'ambience' needs at least "
                "three, or stereo"
            ) from None
        stereo = downmix_matrix(layout, "stereo", method="sum")
        return stereo if target == "stereo" else np.sqrt(0.5) * stereo.sum(axis=0, keepdims=True)


def _front_pair(layout: Layout, downmix: NDArray[np.float64]) -> tuple[int, int]:
    """Return the channels downmixed to left only and to right only, closest to +-30 degrees."""
    pair = []
    for channel, azimuth in enumerate((STEREO_AZIMUTH, -STEREO_AZIMUTH)):
        alone = (downmix[channel] == 1.0) & (downmix[1 - channel] == 0.0) & ~layout.is_lfe
        if not alone.any():
            raise LayoutError(
                f"layout {layout.name!r} has no loudspeaker on the {('left', 'right')[channel]}; "
                "'ambience' needs one on the left and one on the right"
            )
        distance = np.hypot(layout.nominal[0] - azimuth, layout.nominal[1])
        pair.append(int(np.argmin(np.where(alone, distance, np.inf))))
    return pair[0], pair[1]


def _routing(layout: Layout, options: Any) -> NDArray[np.float64]:
    """Return gains of the ambience of left and right in all but front channels, (2, channels).

    At 0 dB these channels together play the ambience at its own power.
    """
    around = ~is_front(layout) & ~layout.is_lfe
    above = np.nan_to_num(layout.nominal[1]) > FRONT_ELEVATION
    level = np.where(above, amplitude(options.height), 1.0) * around
    lateral = np.nan_to_num(layout.nominal_directions[:, 1])
    gains = np.stack(
        [np.where(lateral > -MIN_LATERAL, level, 0.0), level * (lateral < MIN_LATERAL)]
    )
    gains[:, np.abs(lateral) <= MIN_LATERAL] *= np.sqrt(0.5)
    power = np.sum(gains**2, axis=1, keepdims=True)
    balance = np.sqrt(1.0 + min(options.front_rear, 0.0))
    # If all of these channels are elevated, `height` is their level relative to the front.
    reference = np.where(np.any(level * ~above), power, np.sum((gains > 0.0) * 1.0, 1)[:, None])
    return balance * amplitude(options.ambience) * gains / np.sqrt(np.maximum(reference, 1e-9))


def _undecorrelated(
    routing: NDArray[np.float64], downmix: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return gains (2, channels) that move the ambience entirely out of the front."""
    downmixed = np.abs(np.sum(routing * downmix, axis=1, keepdims=True))
    return routing / np.where(downmixed > 0.0, downmixed, 1.0)


def _decorrelated(
    downmix: NDArray[np.float64], routing: NDArray[np.float64], moved: float
) -> NDArray[np.float64]:
    """Return the matrix applied to decorrelated ambience.

    ``moved`` is the gain of the ambience that is moved out of the front without decorrelation. The
    decorrelated ambience that contributes to the downmix, and would be subtracted from the front
    a second time, is attenuated to preserve power; components that cancel in the downmix are kept.
    """
    weight = np.sum(routing**2, axis=0)
    projection = (
        (weight * downmix).T @ np.linalg.pinv(downmix * weight @ downmix.T, rcond=1e-9) @ downmix
    )
    return np.eye(len(weight)) - (1.0 - np.sqrt(1.0 - moved**2)) * projection


def _rear_gain(options: Any) -> float:
    """Return the gain of the ambience moved out of the front, at most its gain elsewhere."""
    return max(options.front_rear, 0.0) * min(amplitude(options.ambience), 1.0)


def _stage(width: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the amplitudes of left and right (POSITIONS, 2) and the azimuth of each position."""
    position = np.linspace(-1.0, 1.0, POSITIONS)
    amplitudes = np.stack([1.0 + position, 1.0 - position], axis=1)
    amplitudes /= np.linalg.norm(amplitudes, axis=1, keepdims=True)
    azimuth = np.rad2deg(np.arctan(position * np.tan(np.deg2rad(STEREO_AZIMUTH))))
    return amplitudes, azimuth * (width / STEREO_AZIMUTH)


@lru_cache(maxsize=16)
def _direct_gains(layout: Layout, width: float, center: float) -> NDArray[np.float64]:
    """Return the gains of direct sound by position, shape (POSITIONS, channels).

    Among all nonnegative gains whose downmix equals the amplitudes of the position, these are the
    closest to the gains of VBAP, with priority on direction.
    """
    downmix = _downmix_gains(layout, "stereo")
    gains = partial(_exact_gains, layout, downmix, _front_pair(layout, downmix), width)
    return _centered(layout, center, gains)


def _centered(
    layout: Layout, center: float, gains: Callable[[NDArray[np.bool_]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Interpolate by ``center`` between gains without and with the centre loudspeaker.

    ``gains`` receives the mask of the loudspeakers that it may use.
    """
    level = ~layout.is_lfe & (np.abs(np.nan_to_num(layout.nominal[1])) <= FRONT_ELEVATION)
    middle = _middle(layout)
    result = np.zeros((POSITIONS, layout.n_channels))
    for ratio, allowed in ((center, level), (1.0 - center, level & ~middle)):
        if ratio:
            result += ratio * gains(allowed)
    return result


def _middle(layout: Layout) -> NDArray[np.bool_]:
    """Return the mask of the centre loudspeaker."""
    return is_front(layout) & (np.abs(layout.nominal[0]) < 1.0)


def _panned(
    layout: Layout,
    pair: tuple[int, int],
    azimuth: NDArray[np.float64],
    allowed: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return the VBAP gains between the allowed loudspeakers and the front pair."""
    kept = np.flatnonzero(allowed | np.isin(np.arange(layout.n_channels), pair))
    gains = np.zeros((len(azimuth), layout.n_channels))
    gains[:, kept] = vbap_gains(
        azimuth,
        layout=Layout(
            "allowed",
            tuple(layout.labels[n] for n in kept),
            layout.azimuth[kept],
            layout.elevation[kept],
            nominal=layout.nominal[:, kept],
        ),
    )
    return gains


def _exact_gains(
    layout: Layout,
    downmix: NDArray[np.float64],
    pair: tuple[int, int],
    width: float,
    allowed: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return the gains of `_direct_gains` for the allowed loudspeakers and the front pair."""
    amplitudes, azimuth = _stage(width)
    panned = _panned(layout, pair, azimuth, allowed)
    kept = np.flatnonzero(panned.any(axis=0) | np.isin(np.arange(layout.n_channels), pair))
    panned = panned[:, kept]
    gains = np.zeros((POSITIONS, layout.n_channels))
    for n, angle in enumerate(np.deg2rad(azimuth)):
        # Component of each loudspeaker direction perpendicular to the source, in the plane.
        offset = layout.directions[kept] @ [-np.sin(angle), np.cos(angle), 0.0]
        rows = [
            DOWNMIX_WEIGHT * downmix[:, kept],
            DIRECTION_WEIGHT * offset[None],
            np.eye(len(kept)),
        ]
        target = np.concatenate([DOWNMIX_WEIGHT * amplitudes[n], [0.0], panned[n]])
        gains[n, kept] = nonnegative_least_squares(np.concatenate(rows), target)
    return gains


def _one_hot(channels: int, index: Any) -> NDArray[np.float64]:
    return np.eye(channels)[:, index]
