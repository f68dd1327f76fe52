"""Checks that invalid audio, rates and options are refused, and options accepted again."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from spatialkit.errors import SpatialkitError, UpmixerError
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.plugins import Option, describe_options, option_values
from spatialkit.upmixing.conformance.outputs import make_noise, rate_of, upmix_valid
from spatialkit.upmixing.declaration import require
from spatialkit.upmixing.interface import Upmixer

__all__ = ["check_option_refusals", "check_refusals", "check_remake"]


def check_refusals(upmixer: Upmixer) -> None:
    """Check that invalid audio and rates raise a `SpatialkitError`."""
    channels = upmixer.accepts[0]
    noise = make_noise(channels, 1000)
    broken = noise.copy()
    broken[-1, 500] = np.nan
    refused = next(count for count in range(1, 99) if count not in upmixer.accepts)
    wrong = {
        f"a channel count of {refused}": make_noise(refused, 1000),
        "frames-first audio": noise.T,
        "three axes": noise[None],
        "NaN": broken,
        "integers": (32767 * noise).astype(np.int16),
    }
    rate = rate_of(upmixer)
    for what, audio in wrong.items():
        _check_refusal(upmixer, what, upmixer.upmix, audio, rate)
        _check_refusal(upmixer, f"{what} in a block", upmixer.stream(rate).process, audio)
    for bad_rate in (0, -48000):
        _check_refusal(upmixer, f"a rate of {bad_rate}", upmixer.upmix, noise, bad_rate)
        _check_refusal(upmixer, f"a rate of {bad_rate}", upmixer.stream, bad_rate)


def _check_refusal(upmixer: Upmixer, what: str, function: Any, *arguments: Any) -> str:
    """Return the message of the error that ``function`` must raise."""
    try:
        function(*arguments)
    except SpatialkitError as error:
        return str(error)
    except Exception as error:
        raise UpmixerError(
            f"upmixer {upmixer.name!r}: {what} must raise a SpatialkitError, it raised "
            f"{type(error).__name__}: {error}"
        ) from error
    raise UpmixerError(f"upmixer {upmixer.name!r}: {what} must raise a SpatialkitError")


def check_remake(upmixer: Upmixer) -> None:
    """Check that the upmixer can be made again from its options."""
    try:
        again = type(upmixer)(**option_values(upmixer))
    except Exception as error:
        raise UpmixerError(
            f"upmixer {upmixer.name!r}: type(upmixer)(**option_values(upmixer)) must make the "
            f"same upmixer, it raised {type(error).__name__}: {error}"
        ) from error
    require(
        again.options == upmixer.options and again.format == upmixer.format,
        upmixer,
        f"made again from its options, it has others: {again.options} for {upmixer.options}",
    )
    noise = make_noise(upmixer.accepts[0], 100)
    same = np.array_equal(upmix_valid(again, noise), upmix_valid(upmixer, noise))
    require(same, upmixer, "made again from its options, it gives another output")


def check_option_refusals(upmixer: Upmixer) -> None:
    """Check that invalid options raise an error that names what is accepted."""
    options = describe_options(upmixer)
    _check_option_refusal(upmixer, "no_such_option", 1, [option.name for option in options])
    for option in options:
        _check_option_refusal(upmixer, option.name, object(), [])
        for value in _refused_values(option):
            _check_option_refusal(upmixer, option.name, value, _accepted(option))


def _refused_values(option: Option) -> list[Any]:
    if option.type in (Layout, Layout | AmbisonicFormat) or option.choices:
        return ["no such choice"]
    below = [] if option.minimum is None else [option.minimum - 1]
    return [*below, *([] if option.maximum is None else [option.maximum + 1])]


def _accepted(option: Option) -> list[str]:
    """Return the words that the error for an invalid value must contain."""
    limits = [f"{limit:g}" for limit in (option.minimum, option.maximum) if limit is not None]
    names_itself = option.type in (Layout, Layout | AmbisonicFormat)
    return [*([] if names_itself else [option.name]), *option.choices, *limits]


def _check_option_refusal(upmixer: Upmixer, name: str, value: Any, words: list[str]) -> None:
    what = (
        f"option {name}={value!r}" if isinstance(value, (int, float, str)) else f"an invalid {name}"
    )
    make = partial(type(upmixer), **{**option_values(upmixer), name: value})
    message = _check_refusal(upmixer, what, make)
    missing = [word for word in words if word not in message]
    require(not missing, upmixer, f"the error for {what} must name {', '.join(missing)}")
