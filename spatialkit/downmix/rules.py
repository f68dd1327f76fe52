"""Substitution rules for loudspeakers that a layout lacks, used by methods "itu" and "iamf".

The rules are defined for roles: everyday labels with two refinements. The surround pair of 5.x at
+-110 degrees has the roles SUL and SUR, distinct from the sides SL and SR at +-90 degrees of 6.1
and larger layouts; the bottom loudspeakers of 22.2 have the roles BFL, BFC and BFR. Roles do not
depend on angles: TFL is the front top at 30 degrees of elevation (BS.2051) and at 45 degrees
(everyday names).

Sources: ITU-R BS.775-3, Table 2 (5.x to 3.0, quad, stereo and mono); for heights, sides, backs and
wides the static gains of IAMF (AOMediaCodec/iamf-tools, ``precomputed_gains.cc``), which follow
the channel mapping of ITU-R BS.2127.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spatialkit.layouts import Layout, everyday_label, mirrored

# Linear gain by role.
RoleGains = dict[str, float]

HALF_POWER = np.sqrt(1 / 2)
ONE_THIRD_POWER = np.sqrt(1 / 3)
TWO_THIRDS_POWER = np.sqrt(2 / 3)

_BOTTOM_ROLES = {"B+000": "BFC", "B+045": "BFL", "B-045": "BFR"}

# Substitutes for each role, in order of preference: the first whose loudspeakers the target has is
# used; if there is none, the last, whose loudspeakers are then substituted in turn. Only left and
# median roles are listed; right ones are mirror images.
SUBSTITUTES: dict[str, tuple[RoleGains, ...]] = {
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
        # a TFL + a TBL, where TBL in turn is substituted by a TFL: a + a * a.
        {"TFL": HALF_POWER + 0.5},
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
# A lone loudspeaker of the source within an arc between two loudspeakers of the target is panned to
# the middle of the arc; two of them are panned to its thirds. If the source has the companion (the
# role named first), these gains are preferred: the rear one of the two is panned further back.
COMPANIONS: dict[str, tuple[str, RoleGains]] = {
    "SL": ("FWL", {"FL": ONE_THIRD_POWER, "SUL": TWO_THIRDS_POWER}),
    "TBL": ("TSL", {"TFL": ONE_THIRD_POWER, "TBC": TWO_THIRDS_POWER}),
}
ROLES = {"FL", "FR", *SUBSTITUTES, *map(mirrored, SUBSTITUTES)}


def roles_of(layout: Layout) -> tuple[str, ...]:
    """Return the role of each loudspeaker of a layout, in channel order and without LFE.

    Parameters
    ----------
    layout : Layout

    Returns
    -------
    tuple of str
        Everyday labels; SUL and SUR for surrounds at +-110 degrees, BFL, BFC and BFR for bottom
        loudspeakers. A label without a role is returned unchanged.

    Examples
    --------
    >>> from spatialkit.layouts import get_layout
    >>> roles_of(get_layout("5.1"))
    ('FL', 'FR', 'FC', 'SUL', 'SUR')
    """
    labels = [everyday_label(layout.labels[n]) for n in layout.loudspeakers]
    if not {"BL", "BR", "BC"} & set(labels):
        labels = [{"SL": "SUL", "SR": "SUR"}.get(label, label) for label in labels]
    return tuple(_BOTTOM_ROLES.get(label, label) for label in labels)


def role_gains(role: str, source: set[str], target: set[str]) -> RoleGains:
    """Return the gains from one role of a source layout to the roles of a target layout.

    Parameters
    ----------
    role : str
        One of `ROLES`.
    source, target : set of str
        Roles of both layouts. The target must have FL and FR.

    Returns
    -------
    dict of str to float
        Linear gain by role of the target.

    Examples
    --------
    >>> role_gains("BL", {"FL", "FR", "BL", "BR"}, {"FL", "FR", "SUL", "SUR"})
    {'SUL': 1.0}
    """
    if role in target:
        return {role: 1.0}
    if role not in SUBSTITUTES:
        mirror = role_gains(mirrored(role), {*map(mirrored, source)}, {*map(mirrored, target)})
        return {mirrored(label): gain for label, gain in mirror.items()}
    substitutes = SUBSTITUTES[role]
    companion, gains_beside_it = COMPANIONS.get(role, ("", {}))
    if companion in source:
        substitutes = (gains_beside_it, *substitutes)
    chosen = next((gains for gains in substitutes if gains.keys() <= target), substitutes[-1])
    total: RoleGains = {}
    for substitute, gain in chosen.items():
        for label, inner in role_gains(substitute, source, target).items():
            total[label] = total.get(label, 0.0) + gain * inner
    return total


def role_matrix(source: tuple[str, ...], target: tuple[str, ...]) -> NDArray[np.float64]:
    """Return the gains (target, source) between two sequences of roles."""
    matrix = np.zeros((len(target), len(source)))
    for column, role in enumerate(source):
        for label, gain in role_gains(role, set(source), set(target)).items():
            matrix[target.index(label), column] = gain
    return matrix
