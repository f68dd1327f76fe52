"""What can go wrong, as a tree. Each error is also the builtin that fits it.

::

    SpatialkitError
    ├── ShapeError (ValueError)       an array has the wrong number of axes, channels or samples
    ├── SignalError (ValueError)      audio holds NaN, infinity, integers or complex numbers
    ├── DirectionError (ValueError)   an angle is NaN, infinite or out of range
    ├── LayoutError (ValueError)      a layout or format is unknown, impossible or does not fit
    ├── OptionError (ValueError)      an option has a value that is not accepted
    ├── UpmixerError (ValueError)     an upmixer is unknown, broken, or breaks its contract
    └── AudioFileError (OSError)      a file cannot be read or written

`SpatialkitWarning` (UserWarning) is for what is served but suspect.

Every message says which argument, what came, what is accepted and, where it helps, what to do.
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
    """Whatever spatialkit refuses: the base class of all its errors."""


class SpatialkitWarning(UserWarning):
    """Something is served, but suspect: such as a channel mask that is often wrong."""


class ShapeError(SpatialkitError, ValueError):
    """An array has the wrong number of axes, channels or samples."""


class SignalError(SpatialkitError, ValueError):
    """Audio holds NaN, infinity, integers or complex numbers."""


class DirectionError(SpatialkitError, ValueError):
    """An angle is NaN, infinite or out of range."""


class LayoutError(SpatialkitError, ValueError):
    """A layout or format is unknown, impossible or does not fit the request."""


class OptionError(SpatialkitError, ValueError):
    """An option has a value that is not accepted."""


class UpmixerError(SpatialkitError, ValueError):
    """An upmixer is unknown, broken, or breaks its contract."""


class AudioFileError(SpatialkitError, OSError):
    """A file cannot be read or written."""


def error_message(error: BaseException) -> str:
    """Return an error's message, after its class unless it is a `SpatialkitError`."""
    return str(error) if isinstance(error, SpatialkitError) else f"{type(error).__name__}: {error}"
