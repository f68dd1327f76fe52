"""Upmixer of the style-transfer VAE."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError, ShapeError, SpatialkitWarning
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.upmixing import controls, option
from spatialkit_models.inference import LearnedUpmixer

if TYPE_CHECKING:
    from spatialkit_models.style_vae.stream import StyleStream

__all__ = ["StyleVAEOptions", "StyleVAEUpmixer"]


@dataclass(frozen=True)
class StyleVAEOptions:
    """Options of `StyleVAEUpmixer`."""

    style: str = option(
        "band",
        "Style: 'band', 'random', a file of 5-channel music or a saved style (.json).",
    )
    seed: int = option(0, "Seed of the random style.", minimum=0)
    directions: str = option(
        "",
        "Directions of stems instead of a style: vocals:0,drums:110/-110,other:60.",
    )
    layout: Layout | AmbisonicFormat = controls.layout("5.0")
    variant: str = option("fast", "Variant of the shipped model.", choices=("fast", "paper"))
    weights: str = option("", "File of weights (.safetensors) that replaces the bundled ones.")
    exact_downmix: bool = controls.exact_downmix()


class StyleVAEUpmixer(LearnedUpmixer):
    """Upmixer of stereo to five channels in the spatial style of other music.

    A variational autoencoder represents the positions of vocals, drums, bass and other instruments
    in five-channel music by 50 numbers, the style, and upmixes stereo so that the stems have these
    positions [1]_. The fast variant extracts the stems from stereo and pans them: a loudspeaker
    that the style does not use is silent. The residual of the stems is upmixed with them.

    Parameters
    ----------
    style : str, Path, Audio, tuple, mapping or Style
        "band", the default: vocals and bass in front, drums at 30 and -30 degrees, other
        instruments in the rear; "random"; the path of an audio file with five channels or more,
        or of a saved style (`Style.save`). In Python also an `Audio`, (samples, sample_rate) in
        5.0, (samples, sample_rate, layout), directions by stem as in `directions_style`, or a
        `Style`; the option then contains the style as JSON.
    seed : int
        Seed of the style "random".
    directions : str or mapping
        Azimuths of stems in degrees, instead of ``style``: "vocals:0,drums:110/-110", or a mapping
        as in `directions_style`. Other stems are placed as in an ordinary mix.
    layout : str, Layout or AmbisonicFormat
        Format that the five channels are rendered to; "5.0" by default.
    variant : {"fast", "paper"}
        Variant of the shipped model; the published network ("paper") is slow.
    weights : str
        File of weights that replaces the bundled ones, as written by
        ``spatialkit train style-vae``.
    exact_downmix : bool
        Correct the upmix so that its downmix equals the input. False by default: the correction
        keeps every sound on its side of the stereo input.

    Attributes
    ----------
    style : Style
        Style of the upmix.

    Notes
    -----
    Songs are upmixed in windows of 10 s that overlap by 2 s (2 s and 1 s for the paper's network).
    The latency of a stream is one window.

    References
    ----------
    .. [1] H. Yang, S. Wager, S. Russell, M. Luo, M. Kim and W. Kim, "Upmixing via style transfer:
       a variational autoencoder for disentangling spatial images and musical content", ICASSP
       2022, arXiv 2203.12053.
    """

    name = "style-vae"
    accepts = (2,)
    options_class = StyleVAEOptions

    def __init__(self, *, style: Any = None, **options: Any) -> None:
        if style is None:
            style = StyleVAEOptions.style
        if isinstance(style, Path):
            style = str(style)
        directions = options.get("directions", "")
        by_directions = isinstance(directions, Mapping) or directions
        if by_directions and not (isinstance(style, str) and style == StyleVAEOptions.style):
            raise OptionError("style and directions are mutually exclusive: pass one of them")
        if isinstance(directions, Mapping):
            style = options.pop("directions")
        has_text = isinstance(style, str)
        super().__init__(**options, style=style if has_text else StyleVAEOptions.style)
        from spatialkit_models.style_vae.directions import parse_directions
        from spatialkit_models.style_vae.inference import load_style_model
        from spatialkit_models.style_vae.style import latent_of
        from spatialkit_models.style_vae.styles import as_style

        if self.options.directions:
            style = parse_directions(self.options.directions)
        if self.options.seed and not (isinstance(style, str) and style.casefold() == "random"):
            warnings.warn("seed has no effect: the style is not random", SpatialkitWarning, 2)
        self._model = load_style_model(self.options.variant, self.options.weights)
        self.style = as_style(style, self._model, self.options.seed)
        self._latent = latent_of(self.style, self._model)
        if not has_text:
            self.options = dataclasses.replace(self.options, style=self.style.to_json())

    def _stream(self, sample_rate: int) -> StyleStream:
        from spatialkit_models.style_vae.stream import StyleStream

        return StyleStream(self, sample_rate, self._model, self._latent)

    def _check_input(self, audio: ArrayLike, name: str = "audio") -> NDArray[Any]:
        try:
            return super()._check_input(audio, name)
        except ShapeError as error:
            if np.ndim(audio) == 1 or np.shape(audio)[0] == 1:
                raise ShapeError(
                    f"{error}; style-vae extracts stems by their positions in stereo, use "
                    "'ambience' for mono"
                ) from error
            raise
