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

from spatialkit.errors import OptionError, ShapeError, SpatialkitWarning, UpmixerError
from spatialkit.layouts import AmbisonicFormat, Layout, get_layout
from spatialkit.plugins import preset
from spatialkit.upmixing import controls, option
from spatialkit_models.inference import LearnedUpmixer
from spatialkit_models.separation import (
    DEFAULT_SEPARATOR,
    Separator,
    as_text,
    choose_separator,
    separator_facts,
    separator_option,
    stems_option,
)
from spatialkit_models.style_vae.directions import directions_text, parse_directions

if TYPE_CHECKING:
    from spatialkit.upmixing import ObjectUpmix
    from spatialkit_models.inference import WindowedStream

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
    separator: str = separator_option()
    stems: str = stems_option()
    style_stems: str = stems_option("style's music")
    names: str = option(
        "", "Azimuths near which stems of the style's music are: vocals:0,other:110."
    )
    panned: bool = option(
        False, "Extract mono stems that are panned between left and right, by their directions."
    )
    exact_downmix: bool = controls.exact_downmix()


class StyleVAEUpmixer(LearnedUpmixer):
    """Upmixer of stereo to five channels in the spatial style of other music.

    A variational autoencoder represents the positions of vocals, drums, bass and other instruments
    in five-channel music by 50 numbers, the style, and upmixes stereo so that the stems have these
    positions [1]_. The fast variant separates the stems and pans them with their width: a
    loudspeaker that the style does not use is silent. Their sum is the song, so that nothing of it
    is lost.

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
    separator : str or Separator
        Separator of the song (`spatialkit_models.separation.get_separator`); "masks", the default,
        has the bundled networks. The paper's network has no stems and ignores it.
    stems : str, Path or mapping
        Folder of the stems of the song, aligned with it, or files by stem: vocals, drums, bass and
        other, as Demucs and MUSDB18 name them. They replace the separator.
    style_stems : str, Path or mapping
        The same for the music of ``style``: stems of its downmix to stereo, by which the places of
        stems are found. By default those of ``separator``.
    names : str or mapping
        Azimuths in degrees near which stems of the music of ``style`` are, where the network cannot
        tell them apart: "vocals:0,other:110", or a mapping as in `directions_style`.
    panned : bool
        The stems of the song are mono, each panned by amplitude between left and right: the network
        extracts them by their directions, and stems only tell it which sound is whose. More exact
        for such material, worse for ordinary mixes. False by default.
    exact_downmix : bool
        Correct the upmix so that its downmix equals the input. False by default: the correction
        keeps every sound on its side of the stereo input.

    Attributes
    ----------
    style : Style
        Style of the upmix.

    Notes
    -----
    Songs are upmixed in the windows of the separator, of 10 s that overlap by 2 s if it has none
    (2 s and 1 s for the paper's network). The latency of a stream is one window.

    References
    ----------
    .. [1] H. Yang, S. Wager, S. Russell, M. Luo, M. Kim and W. Kim, "Upmixing via style transfer:
       a variational autoencoder for disentangling spatial images and musical content", ICASSP
       2022, arXiv 2203.12053.
    """

    name = "style-vae"
    accepts = (2,)
    options_class = StyleVAEOptions
    presets = (
        preset(
            "studio",
            "All instruments in front, drums and other instruments between left and right.",
            directions="vocals:0,drums:30/-30,bass:0,other:30/-30",
        ),
        preset(
            "concert",
            "A band in front of the listener, other instruments to the left and right of it.",
            directions="vocals:0,drums:30/-30,bass:0,other:70/-70",
        ),
        preset(
            "film",
            "Voices in the centre loudspeaker, rhythm left and right, other instruments around.",
            directions="vocals:0,drums:30/-30,bass:30/-30,other:110/-110",
        ),
        preset(
            "background",
            "Sound from everywhere: voices and bass in front, drums and others beside and behind.",
            directions="vocals:30/-30,drums:110/-110,bass:30/-30,other:70/-70",
        ),
        preset(
            "circle",
            "The listener in the middle of the band, with one instrument on each side.",
            directions="vocals:0,drums:-110,bass:30,other:110",
        ),
    )

    def __init__(
        self,
        *,
        style: Any = None,
        separator: Any = DEFAULT_SEPARATOR,
        stems: Any = "",
        style_stems: Any = "",
        names: Any = "",
        **options: Any,
    ) -> None:
        if style is None:
            style = StyleVAEOptions.style
        if isinstance(style, Path):
            style = str(style)
        is_default = isinstance(style, str) and style == StyleVAEOptions.style
        directions = options.get("directions", "")
        by_directions = isinstance(directions, Mapping)
        if by_directions:  # "" takes precedence over the directions of a preset
            options["directions"] = ""
        has_text = isinstance(style, str) and not by_directions
        super().__init__(
            **options,
            style=style if has_text else StyleVAEOptions.style,
            separator=as_text(separator),
            stems=as_text(stems),
            style_stems=as_text(style_stems),
            names=directions_text(names),
        )
        from spatialkit_models.style_vae.inference import load_style_model
        from spatialkit_models.style_vae.stem_hints import StemHints
        from spatialkit_models.style_vae.style import latent_of
        from spatialkit_models.style_vae.styles import as_style, is_example

        if (self.options.directions or by_directions) and not is_default:
            raise OptionError(
                "style and directions, also those of a preset, are mutually exclusive: pass one of "
                "them"
            )
        if by_directions:
            style = directions
        elif self.options.directions:
            style = parse_directions(self.options.directions)
        if self.options.seed and not (isinstance(style, str) and style.casefold() == "random"):
            warnings.warn("seed has no effect: the style is not random", SpatialkitWarning, 2)
        self._model = load_style_model(self.options.variant, self.options.weights)
        self._separator = self._choose_separator(stems, separator)
        if self._separator:
            self.facts = separator_facts(self._separator)
        own = separator if separator != DEFAULT_SEPARATOR and not style_stems else ""
        hints = StemHints.of(style_stems, own, names, has_stems=self._model.has_stem_masks)
        self.style = as_style(style, self._model, self.options.seed, hints)
        for name, value in (("style_stems", style_stems), ("names", names)):
            if value and not is_example(style):
                warnings.warn(
                    f"{name} has no effect: the style is not a recording", SpatialkitWarning, 2
                )
        self._latent = latent_of(self.style, self._model)
        if not has_text:
            self.options = dataclasses.replace(self.options, style=self.style.to_json())

    def _choose_separator(self, stems: Any, separator: Any) -> Separator | None:
        """Return the separator of the song, or None if the network extracts sources itself."""
        is_default = not stems and separator == DEFAULT_SEPARATOR
        if not self._model.has_stem_masks and not is_default:
            raise OptionError(
                f"{'stems' if stems else 'separator'} has no effect with the variant 'paper', "
                "which has no stems: leave it out"
            )
        if is_default and (self.options.panned or not self._model.has_stem_masks):
            return None
        return choose_separator(stems, separator)

    def _stream(self, sample_rate: int) -> WindowedStream:
        from spatialkit_models.style_vae import stream

        model, latent = self._model, self._latent
        if self._separator is None:
            return stream.StyleStream(self, sample_rate, model, latent)
        kind = stream.PannedStemStream if self.options.panned else stream.StemPanningStream
        return kind(self, sample_rate, self._separator, model, latent)

    def as_objects(self) -> ObjectUpmix:
        """Return the upmix as stems at the directions of the style, and a bed for the residual.

        The rendering to "5.0" equals the upmix to channels. The objects are static, as styles are.

        Raises
        ------
        UpmixerError
            If the variant or ``panned`` has no stems, ``layout`` is not "5.0", or
            ``exact_downmix`` is set, which corrects channels.
        """
        from spatialkit_models.style_vae.directions import reference_stems
        from spatialkit_models.style_vae.objects import object_upmix

        if self._separator is None or self.options.panned:
            raise UpmixerError("objects need stems: use the variant 'fast' without panned=True")
        if self.format != get_layout("5.0"):
            raise UpmixerError(
                f"objects have no layout, got {self.format.name!r}: leave it out, and render them"
            )
        if self.options.exact_downmix:
            raise UpmixerError("exact_downmix corrects channels, which objects do not have")
        rate = self._model.sample_rate
        gains = self._model.stem_gains(self._latent, lambda: reference_stems(rate))
        return object_upmix(self, self._separator, gains)

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
