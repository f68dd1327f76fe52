"""Where a loudspeaker's signal goes if a layout lacks it: the rules behind "itu" and "iamf".

The rules speak of roles: everyday labels, with two refinements. The surround pair of 5.x at
+-110 degrees is SUL, SUR, apart from the sides SL, SR at +-90 of 6.1 and larger layouts; the
bottom loudspeakers of 22.2 are BFL, BFC, BFR. Angles do not matter: TFL is the front top at 30
degrees of elevation (BS.2051) as at 45 (everyday names).

Sources: ITU-R BS.775-3, Table 2 (5.x to 3.0, quad, stereo, mono); for heights, sides, backs and
wides the static gains of IAMF (AOMediaCodec/iamf-tools, ``precomputed_gains.cc``), which follow
the channel mapping of ITU-R BS.2127.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spatialkit.layouts import Layout, everyday_label, mirrored

Recipe = dict[str, float]

HALF_POWER = np.sqrt(1 / 2)
ONE_THIRD_POWER = np.sqrt(1 / 3)
TWO_THIRDS_POWER = np.sqrt(2 / 3)

_BOTTOM_ROLES = {"B+000": "BFC", "B+045": "BFL", "B-045": "BFR"}

# For each role, what stands in for it: the first recipe whose loudspeakers the target has; failing
# all, the last, whose loudspeakers are folded in turn. Left and middle; the right side mirrors.
RECIPES: dict[str, tuple[Recipe, ...]] = {
    "FC": ({"FL": HALF_POWER, "FR": HALF_POWER},),
    "FLC": ({"FL": HALF_POWER, "FC": HALF_POWER}, {"FL": 1.0}),
    "FWL": (
        {"FL": TWO_THIRDS_POWER, "SUL": ONE_THIRD_POWER},
        {"FL": HALF_POWER, "SL": HALF_POWER},
        {"FL": 1.0},
    ),
    "SUL": ({"BL": 1.0}, {"SL": 1.0}, {"BC": HALF_POWER}, {"FL": HALF_POWER}),
    "SL": (
        {"FL": HALF_POWER, "SUL": HALF_POWER},
        {"FL": HALF_POWER, "BL": HALF_POWER},
        {"FL": HALF_POWER, "BC": HALF_POWER},
        {"FL": HALF_POWER},
    ),
    "BL": (
        {"SUL": 1.0},
        {"SL": HALF_POWER, "BC": HALF_POWER},
        {"BC": HALF_POWER},
        {"FL": HALF_POWER},
    ),
    "BC": (
        {"BL": HALF_POWER, "BR": HALF_POWER},
        {"SUL": HALF_POWER, "SUR": HALF_POWER},
        {"FL": 0.5, "FR": 0.5},
    ),
    "TFL": ({"TSL": 1.0}, {"FL": 1.0}),
    "TFC": ({"TFL": HALF_POWER, "TFR": HALF_POWER}, {"FC": 1.0}),
    "TSL": (
        {"TFL": HALF_POWER, "TBL": HALF_POWER},
        {"TFL": TWO_THIRDS_POWER, "TBC": ONE_THIRD_POWER},
        {"TFL": HALF_POWER, "SUL": HALF_POWER},
        {"TFL": HALF_POWER + 0.5},  # as between both tops, the rear one at half power in front
        {"FL": HALF_POWER, "SUL": HALF_POWER},
        {"SL": 1.0},
    ),
    "TBL": (
        {"TFL": HALF_POWER, "TBC": HALF_POWER},
        {"TSL": 1.0},
        {"SUL": 1.0},
        {"TFL": HALF_POWER},
        {"BL": 1.0},
    ),
    "TBC": (
        {"TBL": HALF_POWER, "TBR": HALF_POWER},
        {"SUL": HALF_POWER, "SUR": HALF_POWER},
        {"TFL": 0.5, "TFR": 0.5},
        {"BC": 1.0},
    ),
    "TC": (
        {"TFL": 0.5, "TFR": 0.5, "TBL": 0.5, "TBR": 0.5},
        {"TFL": ONE_THIRD_POWER, "TFR": ONE_THIRD_POWER, "TBC": ONE_THIRD_POWER},
        {"TFL": 0.5, "TFR": 0.5, "SUL": 0.5, "SUR": 0.5},
        {"TFL": HALF_POWER * (HALF_POWER + 0.5), "TFR": HALF_POWER * (HALF_POWER + 0.5)},
        {"TSL": HALF_POWER, "TSR": HALF_POWER},
        {"FL": 0.5, "FR": 0.5, "SUL": 0.5, "SUR": 0.5},
        {"FL": 0.5, "FR": 0.5, "BL": 0.5, "BR": 0.5},
        {"FL": 0.5, "FR": 0.5},
    ),
    "BFC": ({"FC": 1.0},),
    "BFL": ({"FL": 1.0},),
}
# Two loudspeakers of the source within one arc of the target stand at its thirds, a lone one at
# its middle: beside wides the sides lean back, beside side tops the rear tops do.
COMPANIONS: dict[str, tuple[str, Recipe]] = {
    "SL": ("FWL", {"FL": ONE_THIRD_POWER, "SUL": TWO_THIRDS_POWER}),
    "TBL": ("TSL", {"TFL": ONE_THIRD_POWER, "TBC": TWO_THIRDS_POWER}),
}
ROLES = {"FL", "FR", *RECIPES, *map(mirrored, RECIPES)}


def roles_of(layout: Layout) -> tuple[str, ...]:
    """Role of each loudspeaker of ``layout``, LFE left out; a label without a role as it is."""
    labels = [everyday_label(layout.labels[n]) for n in layout.loudspeakers]
    if not {"BL", "BR", "BC"} & set(labels):
        labels = [{"SL": "SUL", "SR": "SUR"}.get(label, label) for label in labels]
    return tuple(_BOTTOM_ROLES.get(label, label) for label in labels)


def fold(role: str, source: set[str], target: set[str]) -> Recipe:
    """Gains with which ``role`` of a layout with the roles ``source`` goes to those of ``target``.

    The target must have FL and FR.
    """
    if role in target:
        return {role: 1.0}
    if role not in RECIPES:
        mirror = fold(mirrored(role), {*map(mirrored, source)}, {*map(mirrored, target)})
        return {mirrored(label): gain for label, gain in mirror.items()}
    recipes = RECIPES[role]
    companion, beside_it = COMPANIONS.get(role, ("", {}))
    if companion in source:
        recipes = (beside_it, *recipes)
    recipe = next((recipe for recipe in recipes if recipe.keys() <= target), recipes[-1])
    folded: Recipe = {}
    for stand_in, gain in recipe.items():
        for label, inner in fold(stand_in, source, target).items():
            folded[label] = folded.get(label, 0.0) + gain * inner
    return folded


def fold_matrix(source: tuple[str, ...], target: tuple[str, ...]) -> NDArray[np.float64]:
    """Gains (target, source) between loudspeakers given by their roles."""
    matrix = np.zeros((len(target), len(source)))
    for column, role in enumerate(source):
        for label, gain in fold(role, set(source), set(target)).items():
            matrix[target.index(label), column] = gain
    return matrix
