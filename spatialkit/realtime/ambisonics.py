"""Ambisonic encoder, rotator and decoder, block by block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.ambisonics import (
    Decoder,
    NearFieldFilters,
    OrderWeights,
    Weights,
    as_radius,
    convert_ambisonics,
    decoder_matrix,
    harmonics_in,
    near_field_gains,
)
from spatialkit.crossover import BandSplit
from spatialkit.geometry import to_cartesian
from spatialkit.layouts import AmbisonicFormat, ChannelOrder, Layout, Normalization, get_layout
from spatialkit.realtime.processor import Processor
from spatialkit.realtime.ramps import GainRamp, MatrixRamp
from spatialkit.realtime.rotation import HarmonicRotation, Orientation
from spatialkit.realtime.sources import MAX_SOURCES, SourceParameters
from spatialkit.validation import as_choice, as_count

__all__ = ["DecoderProcessor", "EncoderProcessor", "RotatorProcessor"]


class EncoderProcessor(Processor):
    """Encode sources to Ambisonics; their directions may change with every block.

    A change takes the length of the block, at least 10 ms. With constant directions the output
    equals `spatialkit.encode_ambisonics`.

    Parameters
    ----------
    order : int
        1 to 7; at most 3 with FuMa.
    sample_rate : float
        Hz.
    sources : int
        Number of sources.
    near_field_radius : float, optional
        Metres: distance of the loudspeakers for which the wave fronts of sources at ``distance``
        are encoded, as in `spatialkit.encode_ambisonics`. Sources may come nearer and go away.
    normalization : {"SN3D", "N3D", "FuMa"}
    channel_order : {"ACN", "FuMa"}

    Examples
    --------
    >>> import numpy as np
    >>> encoder = EncoderProcessor(3, 48000)
    >>> encoder.process(np.ones(64), azimuth=90.0).shape
    (16, 64)
    """

    def __init__(
        self,
        order: int,
        sample_rate: float,
        *,
        sources: int = 1,
        near_field_radius: float | None = None,
        normalization: Normalization = "SN3D",
        channel_order: ChannelOrder = "ACN",
    ) -> None:
        self.format = AmbisonicFormat(order, normalization, channel_order)
        count = as_count(sources, "sources", maximum=MAX_SOURCES)
        super().__init__(count, self.format.n_channels, sample_rate)
        self._sources = SourceParameters(count, self._gains_of, azimuth=0.0, elevation=0.0)
        # Without near fields, all channels are one part.
        self._parts = [_Part(slice(None), self.sample_rate, 0, 0.0)]
        if near_field_radius is not None:
            radius = as_radius(near_field_radius)
            # In every channel order, harmonics of higher orders follow those of lower orders.
            self._parts = [
                _Part(slice(n**2, (n + 1) ** 2), self.sample_rate, n, radius)
                for n in range(order + 1)
            ]

    def set(self, **parameters: ArrayLike) -> None:
        """Change parameters from the next block on.

        Parameters
        ----------
        azimuth, elevation : float or array_like, shape (sources,)
            Degrees.
        gain : float or array_like, shape (sources,)
            Linear.
        distance : float or array_like, shape (sources,)
            Metres: the gain is 1 up to 1 m and ``1 / distance`` beyond, as in
            `spatialkit.encode_ambisonics`. Until it is set, sources are plane waves of gain 1.
        """
        self._sources.set(parameters)

    def reset(self) -> None:
        """Forget all blocks: the next one has the present directions from its first sample on."""
        for part in self._parts:
            part.reset()

    def _gains_of(
        self, azimuth: NDArray[np.float64], elevation: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        return harmonics_in(to_cartesian(azimuth, elevation), self.format)

    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        gains, distance = self._sources.gains, self._sources.distance
        encoded = [part.encode(block, gains, distance) for part in self._parts]
        return encoded[0] if len(encoded) == 1 else np.concatenate(encoded)


class _Part:
    """Encoder of some channels, of order n if wave fronts of near sources are encoded."""

    def __init__(self, channels: slice, sample_rate: int, order: int, radius: float) -> None:
        self._channels, self._order, self._radius = channels, order, radius
        self._rate = sample_rate
        self._filters = NearFieldFilters(order, radius, sample_rate) if order else None
        self._ramp: GainRamp | None = None
        self._gains: NDArray[np.float64] | None = None

    def reset(self) -> None:
        """Forget all blocks."""
        if self._ramp:
            self._ramp.reset()
        if self._filters:
            self._filters.reset()

    def encode(
        self, block: NDArray[Any], gains: NDArray[np.float64], distance: NDArray[np.float64]
    ) -> NDArray[Any]:
        """Return the channels of the next block; the same ``gains`` stand for no change."""
        if gains is not self._gains:
            self._gains, self._target = gains, self._target_of(gains, distance)
        if self._ramp is None:
            self._ramp = GainRamp(self._target.shape[1], self._rate, unit_power=False)
        if self._filters:
            block = np.concatenate([block, *self._filters.process(block)])
        return self._ramp.mix(block, self._target)

    def _target_of(
        self, gains: NDArray[np.float64], distance: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the gains of the sources and of their filtered copies, (sources, channels)."""
        gains = np.ascontiguousarray(gains[:, self._channels])
        if not self._filters:
            return gains
        each = near_field_gains(self._order, distance, self._radius)
        return np.concatenate([gains, *(factor[:, None] * gains for factor in each)])


class RotatorProcessor(Processor):
    """Rotate an Ambisonic scene; the rotation may change with every block.

    The angles are those of `spatialkit.rotate_ambisonics`; a head that turns to the left by 30
    degrees is ``yaw=-30``. A change is a crossfade over the length of the block, at least 10 ms.

    Parameters
    ----------
    order : int
        1 to 7; at most 3 with FuMa.
    sample_rate : float
        Hz.
    normalization : {"SN3D", "N3D", "FuMa"}
    channel_order : {"ACN", "FuMa"}

    Examples
    --------
    >>> rotator = RotatorProcessor(1, 48000)
    >>> rotator.process(np.array([[1.0], [0.0], [0.0], [1.0]]), yaw=90.0).round(3).tolist()
    [[1.0], [1.0], [0.0], [0.0]]
    """

    def __init__(
        self,
        order: int,
        sample_rate: float,
        *,
        normalization: Normalization = "SN3D",
        channel_order: ChannelOrder = "ACN",
    ) -> None:
        self.format = AmbisonicFormat(order, normalization, channel_order)
        super().__init__(self.format.n_channels, self.format.n_channels, sample_rate)
        plain = AmbisonicFormat(order, "N3D")
        identity = np.eye(self.n_inputs)
        self._from_format = convert_ambisonics(identity, self.format, plain)
        self._to_format = convert_ambisonics(identity, plain, self.format)
        self._rotation, self._orientation = HarmonicRotation(order), Orientation()
        self._ramp = MatrixRamp(self.sample_rate)
        self._matrix = identity

    def set(self, **parameters: ArrayLike) -> None:
        """Change parameters from the next block on.

        Parameters
        ----------
        yaw, pitch, roll : float
            Degrees.
        """
        if self._orientation.set(parameters):
            rotation = self._rotation.matrix(**self._orientation.angles)
            self._matrix = self._to_format @ rotation @ self._from_format

    def reset(self) -> None:
        """Forget all blocks: the next one has the present rotation from its first sample on."""
        self._ramp.reset()

    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        return self._ramp.apply(block, self._matrix)


class DecoderProcessor(Processor):
    """Decode Ambisonics to a layout.

    The output equals `spatialkit.decode_ambisonics`, except with "dual-band": its bands have the
    same magnitudes, and are in phase with each other, but have the phase of a Linkwitz-Riley
    crossover. The zero phase of the other function needs the samples of a later time.

    Parameters
    ----------
    layout : str or Layout
    order : int
        1 to 7; at most 3 with FuMa.
    sample_rate : float
        Hz.
    decoder, weights : str
        As in `spatialkit.decode_ambisonics`.
    crossover : float
        Hz, for "dual-band".
    normalization : {"SN3D", "N3D", "FuMa"}
    channel_order : {"ACN", "FuMa"}

    Examples
    --------
    >>> decoder = DecoderProcessor("7.1.4", 3, 48000, weights="dual-band")
    >>> decoder.process(np.zeros((16, 64), np.float32)).shape
    (12, 64)
    """

    def __init__(
        self,
        layout: str | Layout,
        order: int,
        sample_rate: float,
        *,
        decoder: Decoder = "allrad",
        weights: Weights = "max-re",
        crossover: float = 380.0,
        normalization: Normalization = "SN3D",
        channel_order: ChannelOrder = "ACN",
    ) -> None:
        self.layout = get_layout(layout)
        form = AmbisonicFormat(order, normalization, channel_order)
        super().__init__(form.n_channels, self.layout.n_channels, sample_rate)
        weights = as_choice(weights, "weights", ("max-re", "basic", "in-phase", "dual-band"))
        bands: tuple[OrderWeights, ...]
        bands = ("basic", "max-re") if weights == "dual-band" else (weights,)
        matrices = [
            decoder_matrix(
                self.layout,
                order,
                decoder=decoder,
                weights=band,
                normalization=normalization,
                channel_order=channel_order,
            )
            for band in bands
        ]
        self._matrix = np.hstack(matrices)
        self._split: BandSplit | None = None
        if len(matrices) == 2:
            self._split = BandSplit(self.n_inputs, self.sample_rate, crossover)

    def reset(self) -> None:
        """Forget all blocks."""
        if self._split:
            self._split.reset()

    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        inputs = block if self._split is None else np.vstack(self._split.process(block))
        return self._matrix.astype(block.dtype) @ inputs
