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
next action.
"""

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


class SpatialkitError(Exception):
    """Base class of all errors of spatialkit."""


class SpatialkitWarning(UserWarning):
    """A result may be wrong, such as the format of a file with an ambiguous channel mask."""


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


def error_message(error: BaseException) -> str:
    """Return an error's message, after its class unless it is a `SpatialkitError`."""
    return str(error) if isinstance(error, SpatialkitError) else f"{type(error).__name__}: {error}"
