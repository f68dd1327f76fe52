"""The conformance test: its checks in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from spatialkit.errors import UpmixerError
from spatialkit.plugins import CheckResult, run_checks
from spatialkit.upmixing.conformance.outputs import (
    check_alignment,
    check_exact_downmix,
    check_left_and_right,
    check_level,
    check_linear_level,
    check_outputs,
    check_polarity,
    check_silence,
)
from spatialkit.upmixing.conformance.refusals import (
    check_option_refusals,
    check_refusals,
    check_remake,
)
from spatialkit.upmixing.conformance.streams import check_streams
from spatialkit.upmixing.declaration import check_declaration
from spatialkit.upmixing.interface import Upmixer
from spatialkit.validation import shown

__all__ = ["check_upmixer"]


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
    return run_checks(
        _checks(upmixer),
        UpmixerError,
        raise_on_failure=raise_on_failure,
        required=("declaration", "output"),
    )


def _checks(upmixer: Upmixer) -> Iterator[tuple[str, Callable[[], str | None]]]:
    """Yield checks by name: each raises an UpmixerError, or returns a warning or nothing."""
    yield "declaration", partial(_check_declaration, upmixer)
    yield "output", partial(check_outputs, upmixer)
    yield from _per_channel_count(upmixer, RULES)
    yield "invalid input", partial(check_refusals, upmixer)
    yield "made again from its options", partial(check_remake, upmixer)
    yield "invalid options", partial(check_option_refusals, upmixer)
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
        raise UpmixerError(f"upmixer must be an Upmixer, got {shown(upmixer)}")
    check_declaration(upmixer)


# By name, run for every accepted channel count.
RULES: dict[str, Callable[[Upmixer, int], str | None]] = {
    "silence": check_silence,
    "linear level": check_linear_level,
    "exact downmix": check_exact_downmix,
    "alignment": check_alignment,
    "stream": check_streams,
}
WARNINGS: dict[str, Callable[[Upmixer, int], str | None]] = {
    "polarity": check_polarity,
    "left and right": check_left_and_right,
    "level": check_level,
}
