"""Text of values, and of errors of other packages, for error messages."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["reason", "shown"]

# Characters of a value and of the message of an error.
MAX_LENGTH, MAX_REASON = 100, 400


def shown(value: Any) -> str:
    """Return a value as it is written in Python, in one line, shortened if it is long.

    Parameters
    ----------
    value : object

    Examples
    --------
    >>> shown("5.1")
    "'5.1'"
    """
    try:
        text = repr(value)
    except Exception:  # such as of a whole number of more than 4300 digits
        return f"a value of type {type(value).__name__}"
    return _shortened(re.sub(r"\s*\n\s*", " ", text), MAX_LENGTH)


def reason(error: BaseException) -> str:
    r"""Return the message of another package's error in one line, shortened if it is long.

    Such messages may quote what a file contains: line breaks, control characters, any length.

    Parameters
    ----------
    error : exception

    Examples
    --------
    >>> reason(ValueError("2 errors:\n\tno tensor 'a'"))
    "2 errors: no tensor 'a'"
    """
    text = " ".join(str(error).split())
    return _shortened(text if text.isprintable() else ascii(text), MAX_REASON)


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length // 2]}...{text[-length // 4 :]}"
