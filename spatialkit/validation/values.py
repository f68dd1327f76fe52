"""Text of values for error messages."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["shown"]

MAX_LENGTH = 100


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
    text = re.sub(r"\s*\n\s*", " ", text)
    if len(text) <= MAX_LENGTH:
        return text
    return f"{text[: MAX_LENGTH // 2]}...{text[-MAX_LENGTH // 4 :]}"
