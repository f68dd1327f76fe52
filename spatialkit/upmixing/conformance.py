"""The conformance test that every upmixer has to pass, built-in or not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import SpatialkitError, UpmixerError
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.upmixing.declaration import check_declaration, require
from spatialkit.upmixing.downmix_correction import DownmixCorrection
from spatialkit.upmixing.interface import Upmixer
from spatialkit.upmixing.options import Option, describe_options, option_values

__all__ = ["check_upmixer"]

ANY_RATE = 48000  # hertz; for upmixers without a native rate
OTHER_RATE = 44100
SAMPLES = (0, 1, 100)  # and one second
BLOCKS = (1, 7, 0, 480, 1023, 4096, 65)
# Blocks may be summed in another order than the whole: some float32 roundings, 2**-24 each.
STREAM_TOLERANCE = 1e-6
SILENCE = 1e-6  # -120 dBFS
# Where an upmixer says that level is linear; -100 dB of the peak.
LEVELS = (0.01, 3.0)
LEVEL_TOLERANCE = 1e-5
EXACT_DB = 100.0
# Upmixers may add delayed sound (a room), but the strongest likeness must be undelayed.
ALIGNMENT_SECONDS = 1e-3
ALIGNMENT_POWER = 10.0


def check_upmixer(upmixer: Upmixer) -> None:
    """Check that an upmixer keeps the contract of `Upmixer`; return nothing if it does.

    It declares name, channel counts, rate, format and options as it should. For every channel
    count that it accepts: any number of samples is served, 0 and 1 included; the output has the
    format's channels, the input's length and dtype, is finite, aligned in time, memory of its
    own, and the same each time; silence stays silence (below -120 dB); the input and NumPy's
    global random state stay untouched. With ``linear_level`` a louder input gives the same,
    louder. With an option ``exact_downmix`` the upmix folds down to the input within -100 dB
    wherever a rule can.

    Blocks of any size give the same as the whole, no more is held back than ``latency`` says,
    nothing comes early. Channel counts that it does not accept, arrays with three axes or frames
    first, integers, NaN and impossible rates are refused with a `SpatialkitError`; so are unknown
    options, by a sentence that lists those known, and values that an option does not accept, by
    one that names it and its limits. It can be made again from its own options.

    The signals are made from a fixed seed and last a second.

    Parameters
    ----------
    upmixer : Upmixer

    Raises
    ------
    UpmixerError
        With the first rule that is broken.

    Examples
    --------
    >>> from spatialkit.upmixing import get_upmixer
    >>> check_upmixer(get_upmixer("matrix"))
    """
    if not isinstance(upmixer, Upmixer):
        raise UpmixerError(f"upmixer must be an Upmixer, got {upmixer!r}")
    check_declaration(upmixer)
    for channels in upmixer.accepts:
        _check_output(upmixer, channels)
        _check_silence(upmixer, channels)
        _check_level(upmixer, channels)
        _check_exact_downmix(upmixer, channels)
        _check_alignment(upmixer, channels)
        for sample_rate in (_rate(upmixer), OTHER_RATE):
            _check_stream(upmixer, channels, sample_rate)
    _check_refusals(upmixer)
    _check_remake(upmixer)
    _check_option_refusals(upmixer)


def _rate(upmixer: Upmixer) -> int:
    return upmixer.sample_rate or ANY_RATE


def _noise(channels: int, samples: int, dtype: Any = np.float32, seed: int = 1) -> NDArray[Any]:
    """Gaussian noise at -20 dBFS."""
    return 0.1 * np.random.default_rng(seed).standard_normal((channels, samples)).astype(dtype)


def _upmix(upmixer: Upmixer, audio: NDArray[Any], sample_rate: int | None = None) -> NDArray[Any]:
    """Upmix valid audio: whatever is raised breaks the contract."""
    try:
        return upmixer.upmix(audio, sample_rate or _rate(upmixer))
    except Exception as error:
        raise UpmixerError(
            f"upmixer {upmixer.name!r}: valid audio {audio.dtype} of shape {audio.shape} must be "
            f"served, it raised {type(error).__name__}: {error}"
        ) from error


def _check_output(upmixer: Upmixer, channels: int) -> None:
    """Shape, dtype, finite, deterministic, input and global state untouched."""
    drawn = _global_state()
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
        drawn == _global_state(),
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
    return repr(np.random.get_state(legacy=False))  # noqa: NPY002 - it is looked at, not used


def _check_array(upmixer: Upmixer, result: Any, audio: NDArray[Any], what: str) -> None:
    require(isinstance(result, np.ndarray), upmixer, f"{what} must return a NumPy array")
    expected = (upmixer.format.n_channels, audio.shape[-1])
    require(
        result.shape == expected,
        upmixer,
        f"{what} must return shape {expected} for input of shape {audio.shape} and format "
        f"{upmixer.format.name!r}, got {result.shape}",
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


def _check_level(upmixer: Upmixer, channels: int) -> None:
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
            f"linear_level says that {gain:g} times the input gives {gain:g} times the output, "
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
        f"with exact_downmix it must fold down to the input, got {decibels:.0f} dB instead of "
        f"more than {EXACT_DB:.0f}",
    )


def _check_alignment(upmixer: Upmixer, channels: int) -> None:
    rate = _rate(upmixer)
    noise = _noise(channels, rate)
    noise[:, : rate // 4] = noise[:, -rate // 4 :] = 0.0
    spectrum = np.fft.rfft(noise, 2 * rate)
    result = np.fft.rfft(_upmix(upmixer, noise), 2 * rate)
    # Power of the cross-correlation of every output with every input, at lags 0, 1, ... -1.
    likeness = np.square(np.fft.irfft(result[:, None] * spectrum.conj()[None])).sum(axis=(0, 1))
    near = int(ALIGNMENT_SECONDS * rate) + 1
    aligned = max(likeness[:near].max(), likeness[-near:].max())
    lag = (int(likeness.argmax()) + rate) % (2 * rate) - rate
    require(
        likeness.max() <= ALIGNMENT_POWER * aligned,
        upmixer,
        f"the output must be aligned with the input, it is {lag} samples late",
    )


def _blocks(audio: NDArray[Any]) -> Iterator[NDArray[Any]]:
    start = turn = 0
    while start < audio.shape[1]:
        size = BLOCKS[turn % len(BLOCKS)]
        yield audio[:, start : start + size]
        start, turn = start + size, turn + 1


def _check_stream(upmixer: Upmixer, channels: int, sample_rate: int) -> None:
    """Blocks joined equal the whole, latency holds, streams do not meet."""
    noise = _noise(channels, sample_rate // 2)
    whole = _upmix(upmixer, noise, sample_rate)
    try:
        stream, other = upmixer.stream(sample_rate), upmixer.stream(sample_rate)
        taken, parts = 0, []
        for block in _blocks(noise):
            buffer = block.copy()
            parts.append(stream.process(buffer))
            require(np.array_equal(buffer, block), upmixer, "a stream changed its input in place")
            buffer[:] = np.float32(np.nan)  # readers fill the same buffer again
            other.process(block[:, ::-1])
            taken += block.shape[1]
            _check_latency(upmixer, stream.latency, taken, sum(p.shape[-1] for p in parts))
        parts.append(stream.flush())
        joined = np.concatenate(parts, axis=1)
    except UpmixerError:
        raise
    except Exception as error:
        raise UpmixerError(
            f"upmixer {upmixer.name!r}: a stream must serve blocks of any size, it raised "
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


def _check_latency(upmixer: Upmixer, latency: float, taken: int, returned: int) -> None:
    require(returned <= taken, upmixer, f"a stream returned {returned} samples after {taken}")
    require(
        taken - returned <= latency,
        upmixer,
        f"a stream held back {taken - returned} samples, its latency says {latency}",
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
    """Return the sentence of the refusal."""
    try:
        function(*arguments)
    except SpatialkitError as error:
        return str(error)
    except Exception as error:
        raise UpmixerError(
            f"upmixer {upmixer.name!r}: {what} must be refused with a SpatialkitError, it raised "
            f"{type(error).__name__}: {error}"
        ) from error
    raise UpmixerError(f"upmixer {upmixer.name!r}: {what} must be refused with a SpatialkitError")


def _check_remake(upmixer: Upmixer) -> None:
    try:
        again = type(upmixer)(**option_values(upmixer))
    except Exception as error:
        raise UpmixerError(
            f"upmixer {upmixer.name!r}: type(upmixer)(**option_values(upmixer)) must make it "
            f"again, it raised {type(error).__name__}: {error}"
        ) from error
    require(
        again.options == upmixer.options and again.format == upmixer.format,
        upmixer,
        f"made again from its options it has others: {again.options} for {upmixer.options}",
    )
    noise = _noise(upmixer.accepts[0], 100)
    same = np.array_equal(_upmix(again, noise), _upmix(upmixer, noise))
    require(same, upmixer, "made again from its options it gives another output")


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
    below = [] if option.least is None else [option.least - 1]
    return [*below, *([] if option.most is None else [option.most + 1])]


def _accepted(option: Option) -> list[str]:
    """What the sentence has to say of an option's value."""
    limits = [f"{limit:g}" for limit in (option.least, option.most) if limit is not None]
    names_itself = option.type in (Layout, Layout | AmbisonicFormat)
    return [*([] if names_itself else [option.name]), *option.choices, *limits]


def _check_option_refusal(upmixer: Upmixer, name: str, value: Any, said: list[str]) -> None:
    what = f"option {name}={value!r}" if isinstance(value, (int, float, str)) else f"a bad {name}"
    make = partial(type(upmixer), **{**option_values(upmixer), name: value})
    sentence = _check_refusal(upmixer, what, make)
    missing = [word for word in said if word not in sentence]
    require(not missing, upmixer, f"{what} is refused without naming {', '.join(missing)}")
