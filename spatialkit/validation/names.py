"""Matching of names with the accepted ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from spatialkit.errors import OptionError, SpatialkitError
from spatialkit.validation.values import shown

__all__ = ["as_choice", "match_name", "unknown_name"]

ChoiceT = TypeVar("ChoiceT", bound=str)


def as_choice(
    value: Any,
    name: str,
    accepted: Iterable[ChoiceT],
    *,
    error: type[SpatialkitError] = OptionError,
) -> ChoiceT:
    """Return the accepted name that a value matches, without regard to case.

    Use the returned name, not the value: "SN3D" is returned for "sn3d".

    Parameters
    ----------
    value : str
        Name to look up.
    name : str
        Name of the argument, or the kind of thing it selects, for error messages.
    accepted : iterable of str
        Accepted names.
    error : type
        Class of the error that is raised, a subclass of `spatialkit.SpatialkitError`.

    Returns
    -------
    str
        One of ``accepted``.

    Raises
    ------
    OptionError
        Or ``error``: if the value matches no name.

    Examples
    --------
    >>> as_choice("AllRAD", "decoder", ("allrad", "epad"))
    'allrad'
    >>> as_choice("allrd", "decoder", ("allrad", "epad"))
    Traceback (most recent call last):
    spatialkit.errors.OptionError: unknown decoder 'allrd'; did you mean 'allrad'? Accepted: \
'allrad', 'epad'
    """
    names = tuple(accepted)
    match = match_name(value, names)
    if match is None:
        raise error(unknown_name(name, value, names))
    return match


def match_name(value: Any, accepted: Iterable[ChoiceT]) -> ChoiceT | None:
    """Return the accepted name that a value matches without regard to case, or None.

    Parameters
    ----------
    value : object
        Only a str matches.
    accepted : iterable of str
        Accepted names; an exact match comes first.

    Examples
    --------
    >>> match_name("Stereo", ("mono", "stereo"))
    'stereo'
    """
    if not isinstance(value, str):
        return None
    folded = value.casefold()
    matches = [name for name in accepted if name.casefold() == folded]
    return next((name for name in matches if name == value), matches[0] if matches else None)


def unknown_name(kind: str, value: Any, accepted: Iterable[str]) -> str:
    """Return the error message for a name that is not one of the accepted names.

    Parameters
    ----------
    kind : str
        Kind of thing that the name selects, such as "decoder".
    value : object
        Value received.
    accepted : iterable of str
        Accepted names, in the order in which the message lists them.

    Returns
    -------
    str

    Examples
    --------
    >>> unknown_name("decoder", "allrd", ("allrad", "epad"))
    "unknown decoder 'allrd'; did you mean 'allrad'? Accepted: 'allrad', 'epad'"
    >>> unknown_name("decoder", 3, ("allrad", "epad"))
    "decoder must be a name, got 3. Accepted: 'allrad', 'epad'"
    """
    from difflib import get_close_matches  # 3 ms

    names = tuple(accepted)
    choices = ", ".join(map(repr, names)) or "none"
    if not isinstance(value, str):
        return f"{kind} must be a name, got {shown(value)}. Accepted: {choices}"
    folded = {name.casefold(): name for name in names}
    close = get_close_matches(value.casefold(), folded, n=1)
    if close:
        return (
            f"unknown {kind} {shown(value)}; did you mean {folded[close[0]]!r}? Accepted: {choices}"
        )
    return f"unknown {kind} {shown(value)}. Accepted: {choices}"
