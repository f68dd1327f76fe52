"""Loudspeaker setup of a room."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from spatialkit.acoustics import SPEED_OF_SOUND
from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.crossover import MIN_CROSSOVER
from spatialkit.errors import LayoutError, OptionError, SpatialkitError
from spatialkit.layouts import Layout, get_layout
from spatialkit.setups import json
from spatialkit.setups.channel_values import ChannelValues, channel_of, channel_values
from spatialkit.setups.processing import SetupFilter
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import MAX_SAMPLE_RATE, as_audio, as_number, as_sample_rate, shown

__all__ = ["LoudspeakerSetup"]

MIN_DISTANCE, MAX_DISTANCE = 0.05, 300.0
MAX_FREQUENCY = 1e6
# Samples that are in memory in double precision at a time.
BLOCK_SIZE = 8192
# ITU-R BS.775: the LFE is recorded 10 dB lower than the other channels.
LFE_GAIN_DB = 10.0


class LoudspeakerSetup:
    """Loudspeakers of a room: distances, levels, delays, and subwoofers with bass management.

    `apply` converts the channels of the layout to the signals of the loudspeakers. The LFE channels
    of the layout are the subwoofers. Each value is one number, a list of a number per channel, or a
    dictionary of numbers by label. Setups are equal if their layouts and all values are.

    Parameters
    ----------
    layout : str, path or Layout
        Loudspeakers and subwoofers; for real directions see `spatialkit.layouts.Layout.move`.
    distance : float, array_like or dict, optional
        Distance from the listener in metres, 0.05 to 300. Nearer loudspeakers are delayed, and
        attenuated by ``(distance / farthest) ** distance_exponent``, to match the farthest one.
        Channels without a distance are as far as the farthest.
    gain_db : float, array_like or dict, optional
        Trim in dB, -120 to 40.
    delay : float, array_like or dict, optional
        Further delay in seconds, 0 to 1.
    crossover : float, array_like or dict, optional
        Frequency in Hz, at least 20, below which subwoofers reproduce the signal of a loudspeaker:
        Linkwitz-Riley filters of order 4. One number applies to all loudspeakers. Loudspeakers
        without a value have their full range.
    high_pass, low_pass : float, array_like or dict, optional
        Limits in Hz of what is sent to a loudspeaker or subwoofer, 24 dB per octave.
    subwoofers : dict of str to sequence of str, optional
        Labels of the channels that each subwoofer reproduces, by its own label. By default all
        subwoofers reproduce all loudspeakers that have a crossover. A channel that n subwoofers
        reproduce has the gain 1/n in each of them, because they add up in phase. An LFE channel
        that is not listed is reproduced by its own subwoofer.
    lfe_gain_db : float, optional
        Gain of the LFE signals, -120 to 40. By default 10 with a crossover, for subwoofers that
        are adjusted to the level of the loudspeakers, and 0 without, for subwoofers that are
        adjusted 10 dB higher.
    distance_exponent : float
        Exponent of the gain, 0 to 2: 1 in the free field, less in a reverberant room, 0 for delays
        only.
    speed_of_sound : float
        Metres per second, 300 to 400.

    Attributes
    ----------
    layout : Layout
    distance, gain_db, delay, crossover, high_pass, low_pass : ndarray, shape (channels,)
        NaN for channels without distance, crossover or limit. Read-only.
    subwoofers : dict of str to tuple of str
    lfe_gain_db, distance_exponent, speed_of_sound : float

    Raises
    ------
    LayoutError
        If the layout is unknown.
    OptionError, ShapeError
        If a label is unknown, a value is out of range, or no subwoofer reproduces the bass of a
        loudspeaker that has a crossover.

    References
    ----------
    .. [1] ITU-R BS.775-3, "Multichannel stereophonic sound system with and without accompanying
       picture": level of the LFE.
    .. [2] S. Linkwitz, "Active Crossover Networks for Noncoincident Drivers", J. Audio Eng. Soc.
       24(1), 1976.

    Examples
    --------
    >>> metres = {"FL": 2.0, "FR": 2.0, "SL": 1.0, "SR": 1.5}
    >>> setup = LoudspeakerSetup("5.1", metres, crossover=80.0)
    >>> setup.total_gain
    array([1.  , 1.  , 1.  , 1.  , 0.5 , 0.75])
    >>> (1000.0 * setup.total_delay).round(2)  # ms
    array([0.  , 0.  , 0.  , 0.  , 2.91, 1.46])
    >>> setup.apply(np.zeros((6, 480)), 48000).shape
    (6, 480)
    """

    def __init__(
        self,
        layout: str | os.PathLike[str] | Layout,
        distance: ChannelValues = None,
        *,
        gain_db: ChannelValues = None,
        delay: ChannelValues = None,
        crossover: ChannelValues = None,
        high_pass: ChannelValues = None,
        low_pass: ChannelValues = None,
        subwoofers: Mapping[str, Sequence[str]] | None = None,
        lfe_gain_db: float | None = None,
        distance_exponent: float = 1.0,
        speed_of_sound: float = SPEED_OF_SOUND,
    ) -> None:
        self.layout = get_layout(layout)

        def values(
            given: ChannelValues, name: str, least: float, most: float, unit: str, default: float
        ) -> NDArray[np.float64]:
            limits = {"minimum": least, "maximum": most, "default": default}
            # Only loudspeakers have a crossover.
            if name == "crossover" and np.isscalar(given):
                given = {label: cast(float, given) for label in self.layout.without_lfe().labels}
            return channel_values(given, name, self.layout, unit=unit, **limits)

        band = MIN_CROSSOVER, MAX_FREQUENCY, "Hz", np.nan
        self.distance = values(distance, "distance", MIN_DISTANCE, MAX_DISTANCE, "m", np.nan)
        self.gain_db = values(gain_db, "gain_db", -120.0, 40.0, "dB", 0.0)
        self.delay = values(delay, "delay", 0.0, 1.0, "s", 0.0)
        self.crossover = values(crossover, "crossover", *band)
        self.high_pass = values(high_pass, "high_pass", *band)
        self.low_pass = values(low_pass, "low_pass", *band)
        self.distance_exponent = as_number(
            distance_exponent, "distance_exponent", minimum=0.0, maximum=2.0
        )
        self.speed_of_sound = as_number(
            speed_of_sound, "speed_of_sound", minimum=300.0, maximum=400.0, unit="m/s"
        )
        if lfe_gain_db is None:
            lfe_gain_db = LFE_GAIN_DB if self._is_managed.any() else 0.0
        self.lfe_gain_db = as_number(
            lfe_gain_db, "lfe_gain_db", minimum=-120.0, maximum=40.0, unit="dB"
        )
        self._check_bands()
        self.subwoofers = self._as_subwoofers(subwoofers)

    @property
    def _is_managed(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.crossover)

    def _label(self, channels: NDArray[np.bool_]) -> str:
        """Return the label of the first channel that is True."""
        return self.layout.labels[int(channels.argmax())]

    def _check_bands(self) -> None:
        wrong = self._is_managed & self.layout.is_lfe
        if wrong.any():
            raise OptionError(
                f"crossover of {self._label(wrong)} is that of a subwoofer: specify it for the "
                "loudspeakers, and low_pass for subwoofers"
            )
        wrong = self.high_pass >= self.low_pass
        if wrong.any():
            raise OptionError(f"high_pass of {self._label(wrong)} must be below its low_pass")

    def _as_subwoofers(
        self, given: Mapping[str, Sequence[str]] | None
    ) -> dict[str, tuple[str, ...]]:
        """Return the labels of the channels that each subwoofer reproduces."""
        labels, is_lfe = np.array(self.layout.labels), self.layout.is_lfe
        managed = labels[self._is_managed].tolist()
        own = labels[is_lfe].tolist()
        if managed and not own:
            raise OptionError(
                f"crossover needs a subwoofer, layout {self.layout.name!r} has none: use a layout "
                "with a channel LFE"
            )
        if given is None:
            return {label: (*managed, label) for label in own}
        if not isinstance(given, Mapping) or not all(
            isinstance(each, Sequence) and not isinstance(each, str) for each in given.values()
        ):
            raise OptionError(
                "subwoofers must be a dictionary of lists of labels, such as "
                f"{{'LFE': ['FL', 'FR']}}, got {shown(given)}"
            )
        feeds = {label: tuple(channels) for label, channels in given.items()}
        for subwoofer, channels in feeds.items():
            if not is_lfe[channel_of(subwoofer, "subwoofers", self.layout)]:
                raise OptionError(f"subwoofers has {subwoofer!r}, which is not an LFE channel")
            for label in channels:
                channel = channel_of(label, "subwoofers", self.layout)
                if not (is_lfe[channel] or self._is_managed[channel]):
                    raise OptionError(f"subwoofers has {label!r}, which has no crossover")
        listed = {label for channels in feeds.values() for label in channels}
        lost = [label for label in managed if label not in listed]
        if lost:
            raise OptionError(
                f"{lost[0]} has a crossover, but no subwoofer reproduces it: add it to subwoofers"
            )
        rest = {label: () if label in listed else (label,) for label in own}
        return {label: (*feeds.get(label, ()), *rest[label]) for label in own}

    @classmethod
    def from_json(cls, source: str | os.PathLike[str]) -> LoudspeakerSetup:
        """Create a setup from the JSON that the IEM plug-ins exchange, or from that of `to_json`.

        "Radius" of a loudspeaker is its distance, "Gain" its linear gain. Entries that other
        programs do not have are described in the guide "Rooms and setups".

        Parameters
        ----------
        source : str or path
            Path of a file, as text with the ending ".json" or as a path object; or the JSON itself.

        Raises
        ------
        LayoutError
            If the file cannot be read, or the JSON is not a setup.
        """
        data, name = json.load(source)
        try:
            layout, values = json.convert(data)
            return cls(layout, **values)
        except SpatialkitError as error:
            raise LayoutError(f"{name}{error}") from error

    def to_json(self) -> str:
        """Return the JSON of the setup, whose loudspeakers the IEM plug-ins read.

        Examples
        --------
        >>> setup = LoudspeakerSetup("5.1", 2.0, crossover={"SL": 120.0, "SR": 120.0})
        >>> LoudspeakerSetup.from_json(setup.to_json()) == setup
        True
        """
        by_channel = {name: getattr(self, name) for name in json.BY_CHANNEL}
        general = {name: getattr(self, name) for name in json.GENERAL}
        return json.write(self.layout, by_channel, general, self.subwoofers)

    @property
    def total_gain(self) -> NDArray[np.float64]:
        """Linear gains (channels,) of distances and trims."""
        ratio = self._filled_distance / self._filled_distance.max()
        gain: NDArray[np.float64] = ratio**self.distance_exponent * 10.0 ** (self.gain_db / 20.0)
        return gain

    @property
    def total_delay(self) -> NDArray[np.float64]:
        """Delays (channels,) in seconds, of distances and further ones."""
        distance = self._filled_distance
        delay: NDArray[np.float64] = (distance.max() - distance) / self.speed_of_sound + self.delay
        return delay

    @property
    def _filled_distance(self) -> NDArray[np.float64]:
        """Distances, the largest one for channels without a distance."""
        known = self.distance[~np.isnan(self.distance)]
        return np.where(np.isnan(self.distance), known.max(initial=MIN_DISTANCE), self.distance)

    def filter(self, sample_rate: float) -> SetupFilter:
        """Return the filter of the setup, for successive blocks.

        Parameters
        ----------
        sample_rate : float
            Hz.

        Raises
        ------
        OptionError
            If a crossover or a limit is not below half the sample rate.
        """
        return SetupFilter(
            as_sample_rate(sample_rate, maximum=MAX_SAMPLE_RATE),
            crossover=self.crossover,
            feeds=self._feeds(),
            high_pass=self.high_pass,
            low_pass=self.low_pass,
            gain=self.total_gain,
            delay=self.total_delay,
        )

    def _feeds(self) -> NDArray[np.float64]:
        """Return the gains (channels, channels) of bass and LFE signals in the subwoofers."""
        feeds = np.zeros((self.layout.n_channels, self.layout.n_channels))
        for subwoofer, channels in self.subwoofers.items():
            for label in channels:
                feeds[self.layout.labels.index(subwoofer), self.layout.labels.index(label)] = 1.0
        feeds /= np.maximum(feeds.sum(axis=0), 1.0)
        feeds[:, self.layout.is_lfe] *= 10.0 ** (self.lfe_gain_db / 20.0)
        return feeds

    def apply(
        self, audio: AudioLike[FloatT], sample_rate: float | None = None
    ) -> FloatArray[FloatT]:
        """Return the signals of the loudspeakers.

        Parameters
        ----------
        audio : array_like of float or Audio, shape (..., channels, samples)
            Channels of the layout.
        sample_rate : float, optional
            Hz; required unless ``audio`` is an `Audio`.

        Returns
        -------
        ndarray, shape (..., channels, samples)
            In the precision of ``audio``, and as long: append zeros to keep the end, which is
            delayed.

        Raises
        ------
        ShapeError, SignalError
            If ``audio`` does not have the channels of the layout, or is not floating point.
        OptionError
            If the sample rate is missing or contradicts the `Audio`, or a crossover or a limit is
            not below half of it.
        LayoutError
            If the `Audio` has another layout.
        """
        samples, rate, _ = unpack_audio(audio, sample_rate=sample_rate, format=self.layout)
        if rate is None:
            raise OptionError("sample_rate is missing; pass it in Hz")
        of = f"layout {self.layout.name!r}"
        array = as_audio(samples, channels=self.layout.n_channels, of=of)
        out = np.empty_like(array)
        for item in np.ndindex(array.shape[:-2]):
            room = self.filter(rate)
            for start in range(0, array.shape[-1], BLOCK_SIZE):
                block = slice(start, start + BLOCK_SIZE)
                out[item][:, block] = room.process(array[item][:, block])
        return out

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LoudspeakerSetup) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __repr__(self) -> str:
        return f"LoudspeakerSetup({self.layout!r})"
