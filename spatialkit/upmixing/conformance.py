"""Conformance test of upmixers, built-in or not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spatialkit.downmix import DownmixCorrection
from spatialkit.errors import SpatialkitError, SpatialkitWarning, UpmixerError
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.upmixing.declaration import check_declaration, require
from spatialkit.upmixing.interface import Upmixer
from spatialkit.upmixing.options import Option, describe_options, option_values
from spatialkit.upmixing.signal_checks import (
    bursts,
    find_lag,
    find_level,
    find_polarity,
    has_swapped_channels,
)

__all__ = ["CheckResult", "check_upmixer"]

ANY_RATE = 48000  # hertz; for upmixers without a native rate
OTHER_RATE = 44100
SAMPLES = (0, 1, 100)  # and one second
BLOCKS = (1, 7, 0, 480, 1023, 4096, 65)
# Blocks may be summed in another order than the whole: some float32 roundings, 2**-24 each.
STREAM_TOLERANCE = 1e-6
SILENCE = 1e-6  # -120 dBFS
# Gains for upmixers with linear_level; the tolerance is -100 dB of the peak.
LEVELS = (0.01, 3.0)
LEVEL_TOLERANCE = 1e-5
EXACT_DB = 100.0
MAX_LEVEL_CHANGE_DB = 6.0


Status = Literal["passed", "warning", "failed"]


@dataclass(frozen=True)
class CheckResult:
    """Result of one check of `check_upmixer`."""

    name: str
    """Name of the check, such as "alignment, 2 channels"."""
    status: Status
    """"passed", "warning" for what the interface does not forbid, or "failed"."""
    detail: str = ""
    """The rule that is broken, with the value found; "" if the check passed."""


def check_upmixer(upmixer: Upmixer, *, raise_on_failure: bool = True) -> tuple[CheckResult, ...]:
    """Check that an upmixer conforms to the interface `Upmixer`.

    Errors, for every accepted channel count:

    - name, channel counts, rate, format or options are declared wrongly;
    - input of any length, of 0 samples and 1 sample too, must be accepted; the output must have
      the channels of the format, the length and data type of the input, finite values and memory
      of its own, and be the same each time;
    - the output must be aligned with the input in time: the largest cross-correlation is at a lag
      of 0 samples;
    - silence must give silence (below -120 dB); the input and NumPy's global random state must
      stay unchanged;
    - with ``linear_level``, a gain of the input must give the same gain of the output;
    - with an option ``exact_downmix``, the downmix must equal the input within -100 dB where a
      downmix rule exists;
    - the blocks of a stream, of any size, must equal the output for the whole signal, with no more
      samples buffered than ``latency``;
    - other channel counts, arrays with three axes or frames first, integers, NaN, impossible
      rates, unknown options and values out of range must raise a `SpatialkitError` that names
      what is accepted;
    - the upmixer can be made again from its options.

    Warnings, as the interface does not forbid them: inverted polarity of the downmix, left and
    right channels that are swapped, and a level more than 6 dB above or below that of the input.

    The test signals are noise from a fixed seed, of one second.

    Parameters
    ----------
    upmixer : Upmixer
    raise_on_failure : bool
        True to raise an error for the first failed check and to warn of warnings, False to run all
        checks and only return their results.

    Returns
    -------
    tuple of CheckResult
        One result per check.

    Raises
    ------
    UpmixerError
        If a check fails and ``raise_on_failure`` is True.

    Warns
    -----
    SpatialkitWarning
        If a check has the status "warning" and ``raise_on_failure`` is True.

    Examples
    --------
    >>> from spatialkit.upmixing import get_upmixer
    >>> results = check_upmixer(get_upmixer("matrix"))
    >>> {result.status for result in results}
    {'passed'}
    """
    results: list[CheckResult] = []
    for name, check in _checks(upmixer):
        try:
            detail = check()
            status: Status = "warning" if detail else "passed"
        except UpmixerError as error:
            if raise_on_failure:
                raise
            status, detail = "failed", str(error)
        if status == "warning" and raise_on_failure:
            warnings.warn(str(detail), SpatialkitWarning, stacklevel=2)
        results.append(CheckResult(name, status, detail or ""))
        if status == "failed" and name in ("declaration", "output"):
            break  # the other checks would only report consequences
    return tuple(results)


def _checks(upmixer: Upmixer) -> Iterator[tuple[str, Callable[[], str | None]]]:
    """Yield checks by name: each raises an UpmixerError, or returns a warning or nothing."""
    yield "declaration", partial(_check_declaration, upmixer)
    yield "output", partial(_check_outputs, upmixer)
    yield from _per_channel_count(upmixer, RULES)
    yield "invalid input", partial(_check_refusals, upmixer)
    yield "made again from its options", partial(_check_remake, upmixer)
    yield "invalid options", partial(_check_option_refusals, upmixer)
    yield from _per_channel_count(upmixer, WARNINGS)


def _per_channel_count(
    upmixer: Upmixer, checks: dict[str, Callable[[Upmixer, int], str | None]]
) -> Iterator[tuple[str, Callable[[], str | None]]]:
    for name, check in checks.items():
        for channels in upmixer.accepts:
            count = f"{channels} channel{'' if channels == 1 else 's'}"
            yield f"{name}, {count}", partial(check, upmixer, channels)


def _check_declaration(upmixer: Upmixer) -> None:
    if not isinstance(upmixer, Upmixer):
        raise UpmixerError(f"upmixer must be an Upmixer, got {upmixer!r}")
    check_declaration(upmixer)


def _check_outputs(upmixer: Upmixer) -> None:
    for channels in upmixer.accepts:
        _check_output(upmixer, channels)


def _rate(upmixer: Upmixer) -> int:
    return upmixer.sample_rate or ANY_RATE


def _noise(channels: int, samples: int, dtype: Any = np.float32, seed: int = 1) -> NDArray[Any]:
    """Gaussian noise at -20 dBFS."""
    return 0.1 * np.random.default_rng(seed).standard_normal((channels, samples)).astype(dtype)


def _upmix(upmixer: Upmixer, audio: NDArray[Any], sample_rate: int | None = None) -> NDArray[Any]:
    """Upmix valid audio: whatever is raised breaks the contract."""
    try:
        return upmixer.upmix(audio, sample_rate or _rate(upmixer))
    except UpmixerError:
        raise
    except Exception as error:
        raise UpmixerError(
            f"upmixer {upmixer.name!r}: valid audio {audio.dtype} of shape {audio.shape} must be "
            f"accepted, it raised {type(error).__name__}: {error}"
        ) from error


def _check_output(upmixer: Upmixer, channels: int) -> None:
    """Check shape, data type, values, repeatability, and that input and global state stay."""
    state = _global_state()
    for samples in (*SAMPLES, _rate(upmixer)):
        for dtype in (np.float32, np.float64):
            noise = _noise(channels, samples, dtype)
            given = noise.copy()
            result = _upmix(upmixer, given)
            _check_array(upmixer, result, noise, "upmix")
            require(np.array_equal(given, noise), upmixer, "upmix changed its input in place")
            require(
                not np.may_share_memory(result, given),
                upmixer,
                "the output must not share memory with the input",
            )
    _upmix(upmixer, _noise(channels, 100, seed=2))
    require(
        np.array_equal(_upmix(upmixer, noise), result),
        upmixer,
        "the same input must give the same output, also after another input",
    )
    require(
        state == _global_state(),
        upmixer,
        "it must draw from a generator of its own, not from NumPy's global random state",
    )
    if channels == 1:
        require(
            np.array_equal(_upmix(upmixer, noise[0]), result),
            upmixer,
            "mono of shape (samples,) must give what (1, samples) gives",
        )


def _global_state() -> str:
    return repr(np.random.get_state(legacy=False))  # noqa: NPY002 - compared, not used


def _check_array(upmixer: Upmixer, result: Any, audio: NDArray[Any], what: str) -> None:
    require(isinstance(result, np.ndarray), upmixer, f"{what} must return a NumPy array")
    require(
        result.ndim == 2,
        upmixer,
        f"{what} must return shape (channels, samples), got {result.shape}",
    )
    count = upmixer.format.n_channels
    require(
        len(result) == count,
        upmixer,
        f"{what} must return the {count} channels of its format {upmixer.format.name!r}, "
        f"got {len(result)}",
    )
    require(
        result.shape[1] == audio.shape[-1],
        upmixer,
        f"{what} must return as many samples as the input has, {audio.shape[-1]}, "
        f"got {result.shape[1]}",
    )
    require(
        result.dtype == audio.dtype,
        upmixer,
        f"{what} must keep the dtype {audio.dtype}, got {result.dtype}",
    )
    require(np.isfinite(result).all(), upmixer, f"{what} returned NaN or infinity")


def _check_silence(upmixer: Upmixer, channels: int) -> None:
    result = _upmix(upmixer, np.zeros((channels, _rate(upmixer) // 4), dtype=np.float32))
    loudest = np.abs(result).max(initial=0.0)
    require(loudest <= SILENCE, upmixer, f"silence must stay silence, got a peak of {loudest:.2g}")


def _check_linear_level(upmixer: Upmixer, channels: int) -> None:
    if not upmixer.linear_level:
        return
    noise = _noise(channels, _rate(upmixer) // 2, np.float64)
    expected = _upmix(upmixer, noise)
    loudest = np.abs(expected).max(initial=0.0)
    for gain in LEVELS:
        difference = np.abs(_upmix(upmixer, gain * noise) / gain - expected).max(initial=0.0)
        require(
            difference <= LEVEL_TOLERANCE * loudest,
            upmixer,
            f"with linear_level, {gain:g} times the input must give {gain:g} times the output, "
            f"got {difference / loudest:.2g} off",
        )


def _check_exact_downmix(upmixer: Upmixer, channels: int) -> None:
    values = option_values(upmixer)
    correction = DownmixCorrection.find(upmixer.format, channels)
    if "exact_downmix" not in values or correction is None or not correction.is_exact:
        return
    from spatialkit.metrics import downmix_error

    exact = type(upmixer)(**{**values, "exact_downmix": True})
    noise = _noise(channels, _rate(upmixer) // 2)
    decibels = float(downmix_error(_upmix(exact, noise), noise, upmixer.format))
    require(
        decibels > EXACT_DB,
        upmixer,
        f"with exact_downmix the downmix must equal the input, got a downmix SNR of "
        f"{decibels:.0f} dB instead of more than {EXACT_DB:.0f}",
    )


def _check_alignment(upmixer: Upmixer, channels: int) -> None:
    audio = bursts(channels, _rate(upmixer))
    lag = find_lag(audio, _upmix(upmixer, audio))
    require(
        lag == 0,
        upmixer,
        f"the output must be aligned with the input, it is {abs(lag)} "
        f"sample{'' if abs(lag) == 1 else 's'} {'late' if lag > 0 else 'early'}",
    )


def _check_polarity(upmixer: Upmixer, channels: int) -> str | None:
    audio = bursts(channels, _rate(upmixer))
    correlation = find_polarity(audio, _upmix(upmixer, audio), upmixer.format)
    if not correlation < 0.0:
        return None
    return (
        f"upmixer {upmixer.name!r}: the polarity is inverted: the correlation of the downmix with "
        f"the input is {correlation:.2f}"
    )


def _check_left_and_right(upmixer: Upmixer, channels: int) -> str | None:
    audio = bursts(channels, _rate(upmixer))
    if not has_swapped_channels(audio, _upmix(upmixer, audio), upmixer.format):
        return None
    return f"upmixer {upmixer.name!r}: the left and right channels are swapped"


def _check_level(upmixer: Upmixer, channels: int) -> str | None:
    sources = bursts(channels, _rate(upmixer))
    # A source at one side and one in the middle: conventions for the level of either differ.
    signals = sources, np.repeat(sources.sum(axis=0, keepdims=True), channels, axis=0)
    levels = (find_level(x, _upmix(upmixer, x), upmixer.format) for x in signals)
    level = min(levels, key=abs)
    if not abs(level) > MAX_LEVEL_CHANGE_DB:
        return None
    return (
        f"upmixer {upmixer.name!r}: the output is {abs(level):.1f} dB "
        f"{'louder' if level > 0 else 'softer'} than the input, more than {MAX_LEVEL_CHANGE_DB:g}"
    )


def _check_streams(upmixer: Upmixer, channels: int) -> None:
    for sample_rate in (_rate(upmixer), OTHER_RATE):
        _check_stream(upmixer, channels, sample_rate)


def _blocks(audio: NDArray[Any]) -> Iterator[NDArray[Any]]:
    start = index = 0
    while start < audio.shape[1]:
        size = BLOCKS[index % len(BLOCKS)]
        yield audio[:, start : start + size]
        start, index = start + size, index + 1


def _check_stream(upmixer: Upmixer, channels: int, sample_rate: int) -> None:
    """Check that blocks joined equal the whole, the latency, and that streams are independent."""
    noise = _noise(channels, sample_rate // 2)
    whole = _upmix(upmixer, noise, sample_rate)
    try:
        stream, other = upmixer.stream(sample_rate), upmixer.stream(sample_rate)
        received, parts = 0, []
        for block in _blocks(noise):
            buffer = block.copy()
            parts.append(stream.process(buffer))
            require(np.array_equal(buffer, block), upmixer, "a stream changed its input in place")
            buffer[:] = np.float32(np.nan)  # callers may reuse the buffer
            other.process(block[:, ::-1])
            received += block.shape[1]
            _check_latency(upmixer, stream.latency, received, sum(p.shape[-1] for p in parts))
        parts.append(stream.flush())
        joined = np.concatenate(parts, axis=1)
    except UpmixerError:
        raise
    except Exception as error:
        raise UpmixerError(
            f"upmixer {upmixer.name!r}: a stream must accept blocks of any size, it raised "
            f"{type(error).__name__}: {error}"
        ) from error
    _check_array(upmixer, joined, noise, "a stream's blocks, joined,")
    difference = np.abs(joined - whole).max(initial=0.0)
    require(
        difference <= STREAM_TOLERANCE * max(1.0, np.abs(whole).max(initial=0.0)),
        upmixer,
        f"a stream's blocks, joined, must equal upmix of the whole, got {difference:.2g} off",
    )
    empty = upmixer.stream(sample_rate).flush()
    require(
        np.shape(empty) == (upmixer.format.n_channels, 0),
        upmixer,
        f"a stream without blocks must flush no samples, got shape {np.shape(empty)}",
    )


def _check_latency(upmixer: Upmixer, latency: float, received: int, returned: int) -> None:
    require(
        returned <= received,
        upmixer,
        f"a stream returned {returned} samples for {received} samples of input",
    )
    require(
        received - returned <= latency,
        upmixer,
        f"a stream buffered {received - returned} samples, more than its latency of {latency}",
    )


def _check_refusals(upmixer: Upmixer) -> None:
    channels = upmixer.accepts[0]
    noise = _noise(channels, 1000)
    broken = noise.copy()
    broken[-1, 500] = np.nan
    refused = next(count for count in range(1, 99) if count not in upmixer.accepts)
    wrong = {
        f"a channel count of {refused}": _noise(refused, 1000),
        "frames-first audio": noise.T,
        "three axes": noise[None],
        "NaN": broken,
        "integers": (32767 * noise).astype(np.int16),
    }
    rate = _rate(upmixer)
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


def _check_remake(upmixer: Upmixer) -> None:
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
    noise = _noise(upmixer.accepts[0], 100)
    same = np.array_equal(_upmix(again, noise), _upmix(upmixer, noise))
    require(same, upmixer, "made again from its options, it gives another output")


def _check_option_refusals(upmixer: Upmixer) -> None:
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


# By name, run for every accepted channel count.
RULES: dict[str, Callable[[Upmixer, int], str | None]] = {
    "silence": _check_silence,
    "linear level": _check_linear_level,
    "exact downmix": _check_exact_downmix,
    "alignment": _check_alignment,
    "stream": _check_streams,
}
WARNINGS: dict[str, Callable[[Upmixer, int], str | None]] = {
    "polarity": _check_polarity,
    "left and right": _check_left_and_right,
    "level": _check_level,
}
