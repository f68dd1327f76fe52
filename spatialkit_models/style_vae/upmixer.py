"""The adaptor of the style-transfer VAE."""

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

_BOTH = "give style or directions, not both"


@dataclass(frozen=True)
class StyleVAEOptions:
    """Options of `StyleVAEUpmixer`."""

    style: str = option(
        "band",
        "File of five-channel music, or of a saved style (.json), or 'random', or 'band': vocals "
        "and bass ahead, drums at 30 degrees, other instruments behind.",
    )
    seed: int = option(0, "Which random style.", least=0)
    directions: str = option(
        "",
        "Where stems stand, instead of style: vocals:0,drums:110/-110,other:60. Those left out "
        "stand as in an ordinary mix.",
    )
    layout: Layout | AmbisonicFormat = controls.layout("5.0")
    variant: str = option("fast", "Which of the shipped models.", choices=("fast", "paper"))
    weights: str = option("", "File of weights (.safetensors) to use instead.")
    exact_downmix: bool = controls.exact_downmix()


class StyleVAEUpmixer(LearnedUpmixer):
    """Stereo in the spatial style of another song, of directions, or of chance.

    A variational autoencoder says where vocals, drums, bass and everything else stand in
    five-channel music, by 50 numbers, and makes five channels of stereo in which they stand there
    [1]_. The fast variant finds the stems in the stereo, takes them out, and pans them: a
    loudspeaker that the style leaves out is silent. What is in none of the stems goes with them.

    Parameters
    ----------
    style : str, Path, Audio, tuple, mapping or Style
        A file of music in five channels or more, or of a style (`Style.save`); "random"; "band",
        the default: vocals and bass ahead, drums at 30 degrees on both sides, other instruments
        behind; in Python an `Audio`, (samples, sample_rate) in 5.0 or (samples, sample_rate,
        layout), directions by stem as `directions_style` takes them, or a `Style`. The option then
        holds the style as JSON.
    seed : int
        Which random style.
    directions : str or mapping
        Azimuth of each stem, several parted by "/": "vocals:0,drums:110/-110"; or as
        `directions_style` takes them. Instead of ``style``. Stems left out stand as in an ordinary
        mix.
    layout : str, Layout or AmbisonicFormat
        What to render the five channels to; "5.0" by default.
    variant : {"fast", "paper"}
        Which of the shipped models; the published network is slow.
    weights : str
        File of weights to use instead, as ``spatialkit train style-vae`` writes.
    exact_downmix : bool
        Whether the upmix is corrected to fold down to the original. False by default: it ties
        every sound to the side that it was on.

    Attributes
    ----------
    style : Style
        That it upmixes in.

    Notes
    -----
    Songs are upmixed in windows of 10 s that overlap by 2 s (2 s with the paper's network, by
    1 s). A stream holds back a window.

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
        if isinstance(options.get("directions"), Mapping):
            if not (style is None or (isinstance(style, str) and style == StyleVAEOptions.style)):
                raise OptionError(_BOTH)
            style = options.pop("directions")
        if style is None:
            style = StyleVAEOptions.style
        if isinstance(style, Path):
            style = str(style)
        named = isinstance(style, str)
        super().__init__(**options, style=style if named else StyleVAEOptions.style)
        from spatialkit_models.style_vae.inference import load_style_model
        from spatialkit_models.style_vae.styles import as_style, latent_of, parse_directions

        given = style
        if self.options.directions:
            if not named or style != StyleVAEOptions.style:
                raise OptionError(_BOTH)
            given = parse_directions(self.options.directions)
        if self.options.seed and not (isinstance(given, str) and given == "random"):
            warnings.warn("seed does nothing: the style is not random", SpatialkitWarning, 2)
        self._model = load_style_model(self.options.variant, self.options.weights)
        self.style = as_style(given, self._model, self.options.seed)
        self._latent = latent_of(self.style, self._model)
        if not named:
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
                    f"{error}: stems are told apart by where they stand in stereo; "
                    "'ambience' upmixes mono"
                ) from error
            raise
