"""Running of conformance checks, and their results."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from spatialkit.errors import SpatialkitError, SpatialkitWarning

__all__ = ["CheckResult", "Status", "global_random_state", "run_checks"]

Status = Literal["passed", "warning", "failed"]


@dataclass(frozen=True)
class CheckResult:
    """Result of one check of a conformance test, such as `check_upmixer`."""

    name: str
    """Name of the check, such as "alignment, 2 channels"."""
    status: Status
    """"passed", "warning" for what the interface does not forbid, or "failed"."""
    detail: str = ""
    """The rule that is broken, with the value found; "" if the check passed."""


def run_checks(
    checks: Iterable[tuple[str, Callable[[], str | None]]],
    error: type[SpatialkitError],
    *,
    raise_on_failure: bool,
    required: Collection[str] = (),
) -> tuple[CheckResult, ...]:
    """Run the checks of a conformance test.

    Parameters
    ----------
    checks : iterable of (str, callable)
        Checks by name. A check raises ``error``, or returns a warning or nothing.
    error : type
        Class of the errors that failed checks raise.
    raise_on_failure : bool
        True to raise the error of the first failed check and to warn of warnings.
    required : collection of str
        Names of checks after whose failure no other check is run: the others would only report
        consequences.

    Returns
    -------
    tuple of CheckResult
        One result per check.
    """
    results: list[CheckResult] = []
    for name, check in checks:
        try:
            detail = check()
            status: Status = "warning" if detail else "passed"
        except error as failure:
            if raise_on_failure:
                raise
            status, detail = "failed", str(failure)
        if status == "warning" and raise_on_failure:
            warnings.warn(str(detail), SpatialkitWarning, stacklevel=3)
        results.append(CheckResult(name, status, detail or ""))
        if status == "failed" and name in required:
            break
    return tuple(results)


def global_random_state() -> str:
    """Return NumPy's global random state as text, for comparison."""
    return repr(np.random.get_state(legacy=False))  # noqa: NPY002 - compared, not used
