"""Findings: anything but a result or one sentence of spatialkit."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from spatialkit.errors import SpatialkitError, SpatialkitWarning

# Texts of Python, NumPy, libsndfile and FFmpeg, which do not help users of spatialkit.
FOREIGN = re.compile(
    r"setting an array element|inhomogeneous|could not be broadcast|shape mismatch|ufunc|dtype\('"
    r"|cannot reshape|Cannot cast|object arrays?|numpy\.(?:nd|core|exceptions)|AxisError"
    r"|not supported between|unsupported operand|has no attribute|object is not|not subscriptable"
    r"|not iterable|unexpected keyword|positional argument|must be real number, |could not convert"
    r"|invalid literal|cannot be interpreted|only integer scalar|list index|index out of range"
    r"|out of bounds for axis|maximum recursion|Traceback|sf_error|avcodec|Errno"
    r"|Format not recognised|System error"
    r"|\bunexpected [A-Z]\w*(?:Error|Exception)\b"
)
MAX_SENTENCE = 3000


class Finding(Exception):
    """A result that spatialkit must not give."""


def check_sentence(text: str, *, multiline: bool = False) -> None:
    """Raise a `Finding` for a message that is empty, long, of several lines or not ours."""
    if not text.strip():
        raise Finding("an empty message")
    if "\n" in text and not multiline:
        raise Finding(f"a message of several lines: {text!r}")
    if len(text) > MAX_SENTENCE:
        raise Finding(f"a message of {len(text)} characters: {text[:200]!r}")
    if found := FOREIGN.search(text):
        raise Finding(f"a foreign message ({found[0]!r}): {text!r}")


def call(
    function: Callable[..., Any],
    options: Mapping[str, Any],
    *,
    floating_point_warnings: bool = False,
) -> tuple[str, Any]:
    """Call a function: ("done", result), or ("refused", message) for an error of spatialkit.

    Raises
    ------
    Finding
        For any other exception, and for warnings that are not of spatialkit.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            outcome = "done", function(**options)
        except SpatialkitError as error:
            check_sentence(str(error))
            outcome = "refused", str(error)
        except MemoryError:
            raise Finding("more than 2 GB of memory") from None
        except Finding:
            raise
        except Exception as error:
            raise Finding(f"{type(error).__name__}: {error}") from error
    for warning in caught:
        if floating_point_warnings and issubclass(warning.category, RuntimeWarning):
            continue
        if not issubclass(warning.category, SpatialkitWarning):
            raise Finding(f"warning {warning.category.__name__}: {warning.message}")
        check_sentence(str(warning.message))
    return outcome


def open_files() -> int:
    """Number of files that this process has open."""
    return len(os.listdir("/proc/self/fd"))
