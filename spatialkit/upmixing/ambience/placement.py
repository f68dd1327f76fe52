"""Where `Ambience` sends what it finds: matrices made before anything is heard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import harmonics_in
from spatialkit.downmix import downmix_matrix
from spatialkit.errors import LayoutError
from spatialkit.geometry import to_cartesian
from spatialkit.layouts import AmbisonicFormat, Layout, get_layout
from spatialkit.panning import vbap_gains
from spatialkit.upmixing.ambience.filters import amplitude
from spatialkit.upmixing.passive import FRONT_ELEVATION, is_front

# Positions between the sides that direct sound is panned from.
POSITIONS = 257
# Stereo loudspeakers stand there: the tangent law says where a sound is between them.
STEREO_AZIMUTH = 30.0
# Weights against an error of 1 in a loudspeaker's gain: of direction, and of the fold-down.
DIRECTION_WEIGHT = 3.0
FOLD_WEIGHT = 1e4
LATERAL = 1e-6  # of a unit vector: less is in the middle
AMBISONIC_BED = "9.1.6"  # Ambisonic ambience comes from there
# Part of the strongest below which signals of direct sound are alike.
LEAST_STRENGTH = 1e-5


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
    stereo = _fold(layout, "stereo")
    pair = _front_pair(layout, stereo)
    if options.exact_downmix:
        return _place_exactly(layout, options, channels, stereo, pair)
    return _place_freely(layout, options, channels, pair)


def _place_exactly(
    layout: Layout,
    options: Any,
    channels: int,
    stereo: NDArray[np.float64],
    pair: tuple[int, int],
) -> Placement:
    """Others than the front pair get their share, the pair what is left of the input."""
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
    wet = _one_hot(layout.n_channels, around) @ _decorrelated(
        stereo[:, around], routing[:, around], rear / amplitude(options.ambience)
    )
    lfe = _one_hot(layout.n_channels, np.flatnonzero(layout.is_lfe)).sum(axis=1, keepdims=True)
    matrix = np.concatenate([np.zeros((len(lfe), channels)), placed, dry, wet, lfe], axis=1)
    # What the fold-down lacks of the input goes to the pair.
    taken = fold @ matrix
    taken[:, -1] = 0.0
    missing = np.eye(channels, matrix.shape[1]) - taken
    matrix[list(pair)] += np.linalg.pinv(fold[:, list(pair)]) @ missing
    return Placement(gains, routing[:, around], matrix)


def _place_freely(layout: Layout, options: Any, channels: int, pair: tuple[int, int]) -> Placement:
    """Direct sound by VBAP alone; the front pair keeps the rest, also of what is played around."""
    amplitudes, azimuth = _stage(options.width)
    panned = _centered(layout, options.center, partial(_panned, layout, pair, azimuth))
    front = _one_hot(layout.n_channels, pair)
    routing = _routing(layout, options)
    around = np.flatnonzero(routing.any(axis=0))
    rear = _rear_share(options) if around.size else 0.0
    gains, direct = _direct_signals(panned, amplitudes, front, channels)
    wet = _one_hot(layout.n_channels, around)
    dry = -rear * front
    lfe = _one_hot(layout.n_channels, np.flatnonzero(layout.is_lfe)).sum(axis=1, keepdims=True)
    matrix = np.concatenate([front @ _sides(channels), direct, dry, wet, lfe], axis=1)
    return Placement(gains, routing[:, around], matrix)


def _place_in_harmonics(form: AmbisonicFormat, options: Any, channels: int) -> Placement:
    """Direct sound is encoded where it is, all else as from loudspeakers; W is about (L + R)/2."""
    bed = get_layout(AMBISONIC_BED)
    pair = _front_pair(bed, _fold(bed, "stereo"))
    encoder = harmonics_in(np.nan_to_num(bed.directions), form).T * ~bed.is_lfe
    scale = 0.5 if channels == 2 else np.sqrt(0.5)  # mono is W itself
    amplitudes, azimuth = _stage(options.width)
    mid = scale * amplitudes.sum(axis=1, keepdims=True)
    panned = mid * harmonics_in(to_cartesian(azimuth), form)
    front = scale * encoder[:, pair]
    gains, direct = _direct_signals(panned, amplitudes, front, channels)
    routing = _routing(bed, options)
    around = np.flatnonzero(routing.any(axis=0))
    rear = _rear_share(options)
    wet = np.sqrt(1.0 - (rear / amplitude(options.ambience)) ** 2) * scale * encoder[:, around]
    dry = rear * (scale * encoder @ _undecorrelated(routing, routing).T - front)
    none = np.zeros((form.n_channels, 1))
    matrix = np.concatenate([front @ _sides(channels), direct, dry, wet, none], axis=1)
    return Placement(gains, routing[:, around], matrix)


def _direct_signals(
    panned: NDArray[np.float64],
    amplitudes: NDArray[np.float64],
    front: NDArray[np.float64],
    channels: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gains of direct sound by position, and the outputs' of those: panned, and out of the front.

    Few signals hold what all outputs are made of.
    """
    if channels == 1:  # the front has no more than the middle of what is spread
        amplitudes = amplitudes.mean(axis=1, keepdims=True).repeat(2, axis=1)
    left, strength, right = np.linalg.svd(np.concatenate([panned, amplitudes], 1), False)
    kept = strength > LEAST_STRENGTH * strength[0]
    right = right[kept].T
    return left[:, kept] * strength[kept], right[:-2] - front @ right[-2:]


def _sides(channels: int) -> NDArray[np.float64]:
    """Left and right of the input: a mono signal is that of a pair at -3 dB."""
    return np.eye(2) if channels == 2 else np.full((2, 1), np.sqrt(0.5))


def _fold(layout: Layout, target: str) -> NDArray[np.float64]:
    """Rule of the fold-down; one by sides where no rule knows the loudspeakers."""
    try:
        return downmix_matrix(layout, target)
    except LayoutError:
        if np.sum(~layout.is_lfe) < 3:
            raise LayoutError(
                f"layout {layout.name!r} is too small: an upmix by ambience needs three "
                "loudspeakers, or stereo"
            ) from None
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
    level = np.where(above, amplitude(options.height), 1.0) * around
    lateral = np.nan_to_num(layout.directions[:, 1])
    gains = np.stack([np.where(lateral > -LATERAL, level, 0.0), level * (lateral < LATERAL)])
    gains[:, np.abs(lateral) <= LATERAL] *= np.sqrt(0.5)
    power = np.sum(gains**2, axis=1, keepdims=True)
    balance = np.sqrt(1.0 + min(options.front_rear, 0.0))
    # Without ear-level loudspeakers around, `height` is their level against the front.
    reference = np.where(np.any(level * ~above), power, np.sum((gains > 0.0) * 1.0, 1)[:, None])
    return balance * amplitude(options.ambience) * gains / np.sqrt(np.maximum(reference, 1e-9))


def _undecorrelated(routing: NDArray[np.float64], fold: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gains (2, channels) that leave nothing of the ambience to the front."""
    folded = np.abs(np.sum(routing * fold, axis=1, keepdims=True))
    return routing / np.where(folded > 0.0, folded, 1.0)


def _decorrelated(
    fold: NDArray[np.float64], routing: NDArray[np.float64], taken: float
) -> NDArray[np.float64]:
    """Matrix on decorrelated ambience beside the share that is ``taken`` from the front as it is.

    What folds down, and so would have to leave the front a second time, gives way to that share;
    what cancels in the fold-down stays.
    """
    weight = np.sum(routing**2, axis=0)
    folded = (weight * fold).T @ np.linalg.pinv(fold * weight @ fold.T, rcond=1e-9) @ fold
    return np.eye(len(weight)) - (1.0 - np.sqrt(1.0 - taken**2)) * folded


def _rear_share(options: Any) -> float:
    """How much of the ambience leaves the front: no more than is played around."""
    return max(options.front_rear, 0.0) * min(amplitude(options.ambience), 1.0)


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
    return _centered(layout, center, partial(_folding_gains, layout, fold, pair, width))


def _centered(
    layout: Layout, center: float, gains: Callable[[NDArray[np.bool_]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Gains with the centre loudspeaker and without, in shares of ``center``.

    ``gains`` takes the loudspeakers it may use.
    """
    level = ~layout.is_lfe & (np.abs(np.nan_to_num(layout.elevation)) <= FRONT_ELEVATION)
    middle = is_front(layout) & (np.abs(layout.azimuth) < 1.0)
    result = np.zeros((POSITIONS, layout.n_channels))
    for share, allowed in ((center, level), (1.0 - center, level & ~middle)):
        if share:
            result += share * gains(allowed)
    return result


def _panned(
    layout: Layout,
    pair: tuple[int, int],
    azimuth: NDArray[np.float64],
    allowed: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """VBAP between the loudspeakers that are allowed, and the front pair."""
    kept = np.flatnonzero(allowed | np.isin(np.arange(layout.n_channels), pair))
    labels = tuple(layout.labels[n] for n in kept)
    gains = np.zeros((len(azimuth), layout.n_channels))
    gains[:, kept] = vbap_gains(
        azimuth, layout=Layout("allowed", labels, layout.azimuth[kept], layout.elevation[kept])
    )
    return gains


def _folding_gains(
    layout: Layout,
    fold: NDArray[np.float64],
    pair: tuple[int, int],
    width: float,
    allowed: NDArray[np.bool_],
) -> NDArray[np.float64]:
    from scipy.optimize import nnls

    amplitudes, azimuth = _stage(width)
    panned = _panned(layout, pair, azimuth, allowed)
    kept = np.flatnonzero(panned.any(axis=0) | np.isin(np.arange(layout.n_channels), pair))
    panned = panned[:, kept]
    gains = np.zeros((POSITIONS, layout.n_channels))
    for n, angle in enumerate(np.deg2rad(azimuth)):
        sideways = layout.directions[kept] @ [-np.sin(angle), np.cos(angle), 0.0]
        rows = [FOLD_WEIGHT * fold[:, kept], DIRECTION_WEIGHT * sideways[None], np.eye(len(kept))]
        wanted = np.concatenate([FOLD_WEIGHT * amplitudes[n], [0.0], panned[n]])
        gains[n, kept] = nnls(np.concatenate(rows), wanted)[0]
    return gains


def _one_hot(channels: int, which: Any) -> NDArray[np.float64]:
    return np.eye(channels)[:, which]
