"""Exceptions and warnings. Each error is also the corresponding built-in exception.

::

    SpatialkitError
    ├── ShapeError (ValueError)       an array has the wrong number of axes, channels or samples
    ├── SignalError (ValueError)      audio contains NaN, infinity, integers or complex numbers
    ├── DirectionError (ValueError)   an angle is NaN, infinite or out of range
    ├── LayoutError (ValueError)      a layout or format is unknown, invalid or does not match
    ├── OptionError (ValueError)      an option has a value that is not accepted
    ├── UpmixerError (ValueError)     an upmixer is unknown, broken, or violates its interface
    └── AudioFileError (OSError)      a file cannot be read or written

`SpatialkitWarning` (UserWarning) reports a result that may be wrong.

Every message contains the argument, the value received, the accepted values and, where useful, the
next action. Where that action is an argument in Python and an option on the command line, an error
or warning has both: `str` returns the first, and the command line prints the second, provided that
the command has the option.
"""

from __future__ import annotations

import re
from collections.abc import Collection

__all__ = [
    "AudioFileError",
    "DirectionError",
    "LayoutError",
    "OptionError",
    "ShapeError",
    "SignalError",
    "SpatialkitError",
    "SpatialkitWarning",
    "UpmixerError",
    "error_message",
]


# Longer messages are shortened in the middle.
MAX_LENGTH = 2000


class _Advised(Exception):
    """Message with a next action in Python and one on the command line."""

    def __init__(self, message: str = "", *, python: str = "", command_line: str = "") -> None:
        if len(message) > MAX_LENGTH:  # names from files may have any length
            message = f"{message[: MAX_LENGTH // 2]} ... {message[-MAX_LENGTH // 2 :]}"
        super().__init__(message + python)
        self._message, self._command_line = message, command_line

    def for_command(self, options: Collection[str]) -> str:
        """Return the message for a command, with the next action that its options permit.

        Parameters
        ----------
        options : collection of str
            Options of the command, such as "--force".

        Returns
        -------
        str
            `str` of this object if the action is the same in Python and on the command line.
        """
        if not self._command_line:
            return str(self)
        named = re.findall(r"--[a-z][a-z-]*", self._command_line)
        usable = set(named) <= set(options)
        return self._message + self._command_line if usable else self._message


class SpatialkitError(_Advised):
    """Base class of all errors of spatialkit.

    Parameters
    ----------
    message : str
        Argument, value received and accepted values.
    python, command_line : str
        End of the message where the next action differs in Python, such as "; pass
        overwrite=True", and on the command line, such as "; add --force".
    """


class SpatialkitWarning(_Advised, UserWarning):
    """A result may be wrong, such as the format of a file with an ambiguous channel mask.

    Parameters
    ----------
    message, python, command_line : str
        As for `SpatialkitError`.
    """


class ShapeError(SpatialkitError, ValueError):
    """An array has the wrong number of axes, channels or samples."""


class SignalError(SpatialkitError, ValueError):
    """Audio contains NaN, infinity, integers or complex numbers."""


class DirectionError(SpatialkitError, ValueError):
    """An angle is NaN, infinite or out of range."""


class LayoutError(SpatialkitError, ValueError):
    """A layout or format is unknown, invalid or does not match the request."""


class OptionError(SpatialkitError, ValueError):
    """An option has a value that is not accepted."""


class UpmixerError(SpatialkitError, ValueError):
    """An upmixer is unknown, broken, or violates its interface."""


class AudioFileError(SpatialkitError, OSError):
    """A file cannot be read or written."""


def error_message(error: BaseException, options: Collection[str] | None = None) -> str:
    """Return a message, after the class of an error that is not a `SpatialkitError`.

    Parameters
    ----------
    error : exception or warning
    options : collection of str, optional
        Options of the command that prints the message; None in Python.
    """
    if isinstance(error, _Advised):
        return str(error) if options is None else error.for_command(options)
    if isinstance(error, Warning):
        return str(error)
    return f"{type(error).__name__}: {error}"
