"""Linear mixed models of ratings, fitted by statsmodels (extra ``listening``)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spatialkit.errors import OptionError, SpatialkitError
from spatialkit.listening.tables import Table
from spatialkit.validation import extra

if TYPE_CHECKING:
    from spatialkit.listening.analysis import Analysis

__all__ = ["MixedModel", "mixed_model"]


@dataclass(frozen=True)
class MixedModel:
    """Fitted model of ratings, see `mixed_model`.

    Attributes
    ----------
    table : Table
        For each condition except the baseline "difference" from it, standard error "error", "p" (z
        test), and the 95 % interval "low" and "high".
    deviations : dict
        Standard deviations of the random intercepts "listener" and "item", and of the "residual".
    notes : tuple of str
        Warnings of the fit.
    """

    table: Table
    deviations: dict[str, float]
    notes: tuple[str, ...]


def mixed_model(
    analysis: Analysis, *, baseline: str, question: str | None = None, screening: bool = True
) -> MixedModel:
    r"""Fit a linear mixed model to the ratings of a MUSHRA test.

    .. math:: y_{lic} = \beta_c + u_l + v_i + \varepsilon_{lic}

    with a fixed effect of the condition c and random intercepts of listener l and item i, fitted by
    restricted maximum likelihood. Unlike the tests of `analyse` it assumes normally distributed
    residuals, which ratings near 0 and 100 violate.

    Parameters
    ----------
    analysis : Analysis
        Result of `analyse`.
    baseline : str
        Condition that the others are compared with.
    question : str, optional
        By default the first one.
    screening : bool
        Whether listeners that the post-screening of BS.1534-3 excludes are left out.

    Returns
    -------
    MixedModel

    Raises
    ------
    SpatialkitError
        If statsmodels (extra ``listening``) is not installed.
    OptionError
        If the test is no MUSHRA test, or an argument is not accepted.
    """
    if analysis.kind != "mushra":
        raise OptionError(f"analysis must be of a MUSHRA test, got {analysis.kind!r}")
    questions = list(dict.fromkeys(row["question"] for row in analysis.observations))
    chosen = questions[0] if question is None else question
    rows = _rows(analysis, chosen, screening)
    conditions = list(dict.fromkeys(row["condition"] for row in rows))
    if chosen not in questions:
        raise OptionError(f"unknown question {chosen!r}; accepted: {', '.join(questions)}")
    if len({row["listener"] for row in rows}) < 2 or len({row["item"] for row in rows}) < 2:
        raise OptionError("a mixed model needs at least two listeners and two items")
    if baseline not in conditions:
        raise OptionError(f"unknown baseline {baseline!r}; accepted: {', '.join(conditions)}")
    others = [name for name in conditions if name != baseline]
    fit, notes = _fit(rows, others)
    effects, errors, p_values = (
        list(values[1 : 1 + len(others)]) for values in (fit.fe_params, fit.bse_fe, fit.pvalues)
    )
    intervals = fit.conf_int()[1 : 1 + len(others)]
    table = Table(
        "mixed_model",
        f"Linear mixed model of {chosen}",
        ("condition", "baseline", "difference", "error", "p", "low", "high"),
        tuple(
            (name, baseline, *map(float, values))
            for name, *values in zip(
                others, effects, errors, p_values, *zip(*intervals, strict=True), strict=True
            )
        ),
    )
    spreads = dict(zip(fit.model.exog_vc.names, map(float, fit.vcomp), strict=True))
    deviations = {name: spreads[name] ** 0.5 for name in ("listener", "item")}
    return MixedModel(table, {**deviations, "residual": float(fit.scale) ** 0.5}, tuple(notes))


def _rows(analysis: Analysis, question: str, screening: bool) -> list[dict[str, Any]]:
    excluded = {
        row["listener"] for row in analysis.table("screening") if screening and row["excluded"]
    }
    return [
        dict(row)
        for row in analysis.observations
        if row["question"] == question and row["listener"] not in excluded
    ]


def _fit(rows: list[dict[str, Any]], others: list[str]) -> tuple[Any, list[str]]:
    """Return the fit of statsmodels, and its warnings."""
    try:
        from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec
    except ImportError as error:
        raise SpatialkitError(f"a mixed model needs {extra('listening')}") from error
    import numpy as np

    ratings = np.array([row["rating"] for row in rows])
    design = np.column_stack(
        [np.ones(len(rows)), *([row["condition"] == name for row in rows] for name in others)]
    ).astype(np.float64)
    names = ("listener", "item")
    levels = {name: sorted({row[name] for row in rows}) for name in names}
    # Crossed effects: all ratings are one group, whose components are listeners and items.
    components = VCSpec(
        list(names),
        [[[f"{name} {level}" for level in levels[name]]] for name in names],
        [
            [np.array([[row[name] == level for level in levels[name]] for row in rows], float)]
            for name in names
        ],
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = MixedLM(ratings, design, groups=np.ones(len(rows)), exog_vc=components)
        fit = model.fit(reml=True)
    return fit, list(dict.fromkeys(str(each.message) for each in caught))
