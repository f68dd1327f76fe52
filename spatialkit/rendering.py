"""Conversion between loudspeaker layouts and Ambisonics, by one matrix, and to headphones."""

from __future__ import annotations

from functools import lru_cache
from inspect import signature
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import (
    Decoder,
    OrderWeights,
    convert_ambisonics,
    decoder_matrix,
    spherical_harmonics,
)
from spatialkit.audio import Audio, AudioLike, unpack_audio
from spatialkit.downmix import downmix_matrix, lfe_matrix, permutation_matrix, roles_of
from spatialkit.errors import LayoutError, OptionError
from spatialkit.geometry import angle_between
from spatialkit.layouts import (
    SAME_DIRECTION_DEGREES,
    AmbisonicFormat,
    Format,
    Layout,
    channels_of,
    get_format,
    get_layout,
)
from spatialkit.panning import vbap_gains
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import match_name

if TYPE_CHECKING:
    from spatialkit.objects import ObjectScene

__all__ = ["is_binaural", "render", "render_matrix"]

# Ambisonics through which objects are rendered for headphones.
OBJECTS_FOR_HEADPHONES = "ambix5"
DECODING_OPTIONS = ("decoder", "weights")
# Arguments of `render_binaural` that are arguments of `render`.
ARGUMENTS = ("audio", "source")


def render(
    audio: AudioLike[FloatT] | ObjectScene,
    source: str | Format | None = None,
    target: str | Format | None = None,
    **options: Any,
) -> FloatArray[FloatT]:
    """Convert audio from one format to another, or render it for headphones.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (..., channels, samples), or ObjectScene
        Channels in the order of ``source``; or beds and objects (`spatialkit.objects`), which have
        no ``source``.
    source : str, Layout or AmbisonicFormat
        Format of ``audio``; may be omitted for an `Audio` with a format.
    target : str, Layout or AmbisonicFormat
        Format of the result; "binaural" for headphones.
    **options
        As in `render_matrix`. To "binaural": ``sample_rate`` (unless ``audio`` is an `Audio`),
        ``hrtf``, ``method``, ``order``, ``yaw``, ``pitch``, ``roll``, ``orientation`` and
        ``lfe_gain`` as in `spatialkit.binaural.render_binaural`.

    Returns
    -------
    ndarray, shape (..., channels of the target, samples)
        The product of `render_matrix` and ``audio``, in the precision of ``audio``. For headphones,
        left and right ear, (..., 2, samples).

    Raises
    ------
    ShapeError, SignalError
        If ``audio`` is not audio of the format ``source``.
    LayoutError, OptionError
        As in `render_matrix`; also if a format is missing or ``source`` contradicts the `Audio`.
    AudioFileError
        If a file with an HRTF cannot be read.

    Examples
    --------
    >>> render(np.ones((2, 100), np.float32), "stereo", "7.1.4").shape
    (12, 100)
    >>> from spatialkit import Audio
    >>> render(Audio(np.ones((2, 100)), 48000, "stereo"), target="7.1.4").shape
    (12, 100)
    >>> render(np.ones((12, 100)), "7.1.4", "binaural", sample_rate=48000, yaw=30.0).shape
    (2, 100)
    """
    if not isinstance(audio, (np.ndarray, Audio)):
        from spatialkit.objects import ObjectScene

        if isinstance(audio, ObjectScene):
            return _render_scene(audio, source, target, options)
    if is_binaural(target):
        return _render_binaural(audio, source, options)
    samples, _, form = unpack_audio(audio, format=source, format_name="source")
    for argument, value in (("source", form), ("target", target)):
        if value is None:
            raise LayoutError(f"{argument} is missing; pass a format such as {argument}='5.1'")
    start, goal = get_format(cast(Format, form)), get_format(cast(Format, target))
    matrix = _matrix_of(start, goal, options)
    array = channels_of(samples, start)
    return np.matmul(matrix.astype(array.dtype), array)


def _render_scene(
    scene: ObjectScene, source: str | Format | None, target: str | Format | None, options: Any
) -> NDArray[Any]:
    """Render beds and objects; objects for headphones through Ambisonics."""
    from spatialkit.objects import render_objects

    if source is not None:
        raise LayoutError(f"source is {source!r}, but a scene contains the formats of its beds")
    if target is None:
        raise LayoutError("target is missing; pass a format such as target='5.1'")
    beds = list(scene.beds)
    if is_binaural(target):
        form = get_format(OBJECTS_FOR_HEADPHONES)
        if scene.objects:
            beds.append(Audio(render_objects(scene, form), scene.sample_rate, form))
        ears = [render(bed, target=target, **options) for bed in beds]
        return np.sum(ears, axis=0, dtype=np.result_type(*ears))
    decoded = [bed for bed in beds if isinstance(bed.format, AmbisonicFormat)]
    rendered = [render(bed, target=target, **(options if bed in decoded else {})) for bed in beds]
    if options and not decoded:
        raise OptionError(f"a scene without Ambisonics has no option {next(iter(options))!r}")
    rendered.append(render_objects(scene, target))
    return np.sum(rendered, axis=0, dtype=np.result_type(*rendered))


def render_matrix(
    source: str | Format, target: str | Format, **options: Any
) -> NDArray[np.float64]:
    """Compute the matrix that converts one format to another.

    Parameters
    ----------
    source, target : str, Layout or AmbisonicFormat
        Formats, or names that `spatialkit.get_format` accepts.
    **options
        From Ambisonics to loudspeakers: ``decoder`` and ``weights`` as in
        `spatialkit.decoder_matrix`.

    Returns
    -------
    ndarray of float64, shape (channels of the target, channels of the source)
        A copy; the matrix is computed once per process.

    Raises
    ------
    LayoutError
        If a format is unknown, or the target is "binaural", which is not a matrix.
    OptionError
        If an option is unknown or does not apply to these formats.

    Notes
    -----
    Between layouts:

    - If both have the same loudspeakers, channels are reordered.
    - Between named layouts to fewer channels, the result is `spatialkit.downmix_matrix` with method
      "itu".
    - Otherwise a loudspeaker that both layouts share keeps its signal, and every other one is
      panned to its direction with VBAP. Named layouts share loudspeakers with the same role (the
      left front of "stereo" at 30 degrees and of "quad" at 45, but not the surround of "5.1" at
      110 and the side of "7.1" at 90), other layouts those with the same direction.
    - An LFE is copied to the LFE of the target. It is dropped if the target has none, and in
      Ambisonics.

    Loudspeakers are encoded to Ambisonics as plane waves from their directions. Conversion to a
    lower Ambisonic order drops the higher harmonics; conversion to a higher order leaves the added
    ones silent.

    Examples
    --------
    >>> render_matrix("mono", "stereo").round(3)
    array([[0.707],
           [0.707]])
    >>> render_matrix("stereo", "foa").round(3)
    array([[ 1.   ,  1.   ],
           [ 0.5  , -0.5  ],
           [ 0.   ,  0.   ],
           [ 0.866,  0.866]])
    """
    if is_binaural(target):
        raise LayoutError("'binaural' needs filters, not a matrix; use render")
    return _matrix_of(get_format(source), get_format(target), options).copy()


def is_binaural(target: object) -> bool:
    """Return whether a target of `render` is "binaural", which is no format of channels.

    Parameters
    ----------
    target : object

    Examples
    --------
    >>> is_binaural("Binaural"), is_binaural("stereo")
    (True, False)
    """
    return match_name(target, ("binaural",)) is not None


def _render_binaural(
    audio: AudioLike[FloatT], source: str | Format | None, options: dict[str, Any]
) -> FloatArray[FloatT]:
    from spatialkit.binaural import render_binaural

    known = [name for name in signature(render_binaural).parameters if name not in ARGUMENTS]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise OptionError(
            f"render to 'binaural' has no option {unknown[0]!r}; accepted: {', '.join(known)}"
        )
    samples, rate, form = unpack_audio(
        audio,
        sample_rate=options.pop("sample_rate", None),
        format=source,
        format_name="source",
    )
    if form is None:
        raise LayoutError("source is missing; pass a format such as source='5.1'")
    if rate is None:
        raise OptionError("sample_rate is missing; pass it in Hz to render to 'binaural'")
    return render_binaural(samples, form, sample_rate=rate, **options)


def _matrix_of(source: Format, target: Format, options: dict[str, Any]) -> NDArray[np.float64]:
    decodes = isinstance(source, AmbisonicFormat) and isinstance(target, Layout)
    unknown = [name for name in options if not (decodes and name in DECODING_OPTIONS)]
    if unknown:
        accepted = " and ".join(DECODING_OPTIONS) if decodes else "none"
        raise OptionError(
            f"render from {source.name!r} to {target.name!r} has no option {unknown[0]!r}; "
            f"accepted: {accepted}"
        )
    for name, value in options.items():
        if not isinstance(value, str):
            raise OptionError(f"{name} must be a name, got {value!r}")
    if match_name(options.get("weights"), ("dual-band",)):
        raise OptionError("dual-band decoding is not a single matrix; use decode_ambisonics")
    return _matrix(source, target, **options)


@lru_cache(maxsize=256)
def _matrix(
    source: Format, target: Format, decoder: Decoder = "allrad", weights: OrderWeights = "max-re"
) -> NDArray[np.float64]:
    if isinstance(source, Layout):
        if isinstance(target, Layout):
            return _between_layouts(source, target)
        return _encoder(source, target)
    if isinstance(target, Layout):
        return decoder_matrix(
            target,
            source.order,
            normalization=source.normalization,
            channel_order=source.channel_order,
            decoder=decoder,
            weights=weights,
        )
    return _between_orders(source, target)


def _between_layouts(source: Layout, target: Layout) -> NDArray[np.float64]:
    named = _is_named(source) and _is_named(target)
    permutation = permutation_matrix(source, target) if named else None
    if permutation is not None:
        return permutation
    if named and source.n_channels > target.n_channels:
        return downmix_matrix(source, target)
    matrix = lfe_matrix(source, target)
    shared = _shared_by_role(source, target) if named else _shared_by_direction(source, target)
    for column in source.loudspeakers:
        if column in shared:
            matrix[shared[column], column] = 1.0
        else:
            azimuth, elevation = source.azimuth[column], source.elevation[column]
            matrix[:, column] = vbap_gains(azimuth, elevation, layout=target)
    return matrix


def _is_named(layout: Layout) -> bool:
    """Return whether a layout is a named one, perhaps with moved loudspeakers."""
    try:
        named = get_layout(layout.name)
    except LayoutError:
        return False
    same = named.labels == layout.labels
    return same and np.array_equal(named.nominal, layout.nominal, equal_nan=True)


def _shared_by_role(source: Layout, target: Layout) -> dict[int, int]:
    places = dict(zip(roles_of(target), target.loudspeakers, strict=True))
    pairs = zip(roles_of(source), source.loudspeakers, strict=True)
    return {int(column): int(places[role]) for role, column in pairs if role in places}


def _shared_by_direction(source: Layout, target: Layout) -> dict[int, int]:
    apart = angle_between(
        source.directions[source.loudspeakers, None], target.directions[target.loudspeakers]
    )
    pairs = zip(source.loudspeakers, apart.argmin(axis=1), apart.min(axis=1), strict=True)
    return {
        int(column): int(target.loudspeakers[nearest])
        for column, nearest, angle in pairs
        if angle < SAME_DIRECTION_DEGREES
    }


def _encoder(source: Layout, target: AmbisonicFormat) -> NDArray[np.float64]:
    real = source.loudspeakers
    matrix = np.zeros((target.n_channels, source.n_channels))
    matrix[:, real] = spherical_harmonics(
        source.azimuth[real],
        source.elevation[real],
        order=target.order,
        normalization=target.normalization,
        channel_order=target.channel_order,
    ).T
    return matrix


def _between_orders(source: AmbisonicFormat, target: AmbisonicFormat) -> NDArray[np.float64]:
    order = min(source.order, target.order)
    common = AmbisonicFormat(order, target.normalization, target.channel_order)
    matrix = np.zeros((target.n_channels, source.n_channels))
    # In every channel order, harmonics of higher orders follow those of lower orders.
    matrix[: common.n_channels] = convert_ambisonics(np.eye(source.n_channels), source, common)
    return matrix
