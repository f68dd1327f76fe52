"""Upmixer of the Ambisonizer."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError, SpatialkitWarning
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.plugins import preset
from spatialkit.upmixing import FirstOrderDecoder, controls, option
from spatialkit_models.data.scenes import ALL_FRONT, NO_AMBIENCE, parse_stage
from spatialkit_models.inference import LearnedUpmixer
from spatialkit_models.separation import (
    as_text,
    choose_separator,
    separator_facts,
    separator_option,
    stems_option,
)
from spatialkit_models.stem_names import STEMS

if TYPE_CHECKING:
    from spatialkit_models.inference import WindowedStream

__all__ = ["AmbisonizerOptions", "AmbisonizerUpmixer"]


@dataclass(frozen=True)
class AmbisonizerOptions:
    """Options of `AmbisonizerUpmixer`."""

    stage: str = option(
        "front",
        "Front-rear positions: 'front', 'band', or by stem: vocals:1,drums:0.7,other:-0.5.",
    )
    ambience: float = option(
        NO_AMBIENCE,
        "Ambience level in X, variant 'stage' only; -60 disables it.",
        unit="dB",
        minimum=NO_AMBIENCE,
        maximum=12.0,
    )
    seed: int = option(
        0,
        "Seed of the scene of mono and of the published network; 0 is the most likely.",
        minimum=0,
    )
    layout: Layout | AmbisonicFormat = controls.layout("foa")
    decoder: str = controls.decoder()
    variant: str = option("stage", "Network.", choices=("stage", "published"))
    conditioning: str = option(
        "natural",
        "Interpretation of stereo: 'natural' (left, right) or 'published' (the paper's pair).",
        choices=("natural", "published"),
    )
    weights: str = option("", "File of weights (.safetensors) that replaces the bundled ones.")
    separator: str = separator_option("")
    stems: str = stems_option()
    exact_downmix: bool = controls.exact_downmix()


class AmbisonizerUpmixer(LearnedUpmixer):
    """Upmixer of mono or stereo to first-order Ambisonics on a specified stage.

    The output is AmbiX (ACN order W, Y, Z, X; SN3D; +Y left, +X front) without height: Z is
    silent. W is the mean of the input channels, and for stereo Y is (L - R) / 2, both exactly, so
    that L = W + Y and R = W - Y: lateral positions are preserved, and the downmix of the
    Ambisonics equals that of the input. A network predicts X only [1]_. Whether a sound is in
    front or in the rear cannot be inferred from stereo, so ``stage`` specifies it for vocals,
    drums, bass and other instruments, which the network separates. Swapping left and right of the
    input mirrors the output.

    For mono the network places the stems: ``seed`` determines their lateral positions and widths,
    ``stage`` whether they are in front or in the rear. W is the input.

    Parameters
    ----------
    stage : str or mapping
        "front", the default: all stems in front; "band": other instruments in the rear; or values
        by stem from -1 (rear) through 0 (neither) to 1 (front): "vocals:1,drums:0.7,other:-0.5",
        or a mapping. Other stems are in front.
    ambience : float
        Level in X of the decorrelated part of stereo (reverberation and width), from front and
        rear, in dB relative to its level in Y; -60, the default, disables it. Stereo only.
    seed : int
        Seed of the scene of mono: 0, the default, has all stems in the centre, drums and other
        instruments wide; other seeds sample directions of an ordinary stage. For the published
        network, the seed of its latent; 0 uses the mean.
    layout : str, Layout or AmbisonicFormat
        Format of the output; "foa", the default, is not decoded. Loudspeaker feeds have the
        loudness of the input (BS.1770), window by window.
    decoder : str
        Decoder to loudspeakers, as in `spatialkit.decode_foa`; "allrad" by default. "dirac" is
        sharp, also to Ambisonics of higher order, but not linear.
    variant : {"stage", "published"}
        The shipped network, or the published one [1]_, which needs ``weights`` from ``spatialkit
        convert-checkpoint``, ignores ``stage`` and is slow.
    conditioning : {"natural", "published"}
        Interpretation of stereo by the published network: L = W + Y and R = W - Y, or the pair of
        microphones of its training, at 22.5 and 202.5 degrees, from which Y is predicted too. In
        the latter the left of a song is in front, the right in the rear. Scenes of mono with the
        two conditionings differ by a rotation of 67.5 degrees.
    weights : str
        File of weights that replaces the bundled ones, as written by ``spatialkit train
        ambisonizer``.
    separator : str or Separator
        Separator of stereo (`spatialkit_models.separation.get_separator`) that replaces the stems
        of the network: X is that of each stem as a plane wave in each time-frequency bin. None by
        default.
    stems : str, Path or mapping
        Folder of the stems of the song, aligned with it, or files by stem: vocals, drums, bass and
        other, as Demucs and MUSDB18 name them. They replace the network in the same way.
    exact_downmix : bool
        Correct loudspeaker feeds so that their downmix equals the input. False by default. The
        downmix of W equals it without correction.

    Attributes
    ----------
    stage : dict of str to float
        Front-rear position by stem.

    Notes
    -----
    Songs are upmixed in windows of 10 s that overlap by 2 s. The latency of a stream is one
    window. At sample rates other than that of the network, only the predicted channels are
    resampled.

    `spatialkit.virtual_microphones` decodes Ambisonics to stereo with two microphones, as the
    authors do with two that point in opposite directions.

    References
    ----------
    .. [1] Y. Zang, Y. Wang and M. Lee, "Ambisonizer: neural upmixing as spherical harmonics
       generation", 2024, arXiv 2405.13428.
    """

    name = "ambisonizer"
    accepts = (1, 2)
    options_class = AmbisonizerOptions
    presets = (
        preset(
            "concert",
            "A band in front of the listener, with the ambience of the mix around.",
            stage="vocals:1,drums:0.9,bass:1,other:0.7",
            ambience=0.0,
        ),
        preset(
            "film",
            "Voices and rhythm in front, other instruments around the listener.",
            stage="vocals:1,drums:0.7,bass:1,other:-0.5",
            ambience=-6.0,
        ),
        preset(
            "background",
            "Sound from everywhere: drums and bass beside the listener, other instruments behind.",
            stage="vocals:0.7,drums:0,bass:0,other:-0.7",
            ambience=0.0,
        ),
    )

    def __init__(
        self,
        *,
        stage: Any = None,
        separator: Any = "",
        stems: Any = "",
        **options: Any,
    ) -> None:
        if isinstance(stage, Mapping):
            pairs = zip(STEMS, parse_stage(stage), strict=True)
            stage = ",".join(f"{stem}:{value!r}" for stem, value in pairs)
        if stage is not None:  # otherwise that of a preset, or the default
            options["stage"] = stage
        super().__init__(separator=as_text(separator), stems=as_text(stems), **options)
        from spatialkit_models.ambisonizer.inference import Scene, load_ambisonizer_model

        values = parse_stage(self.options.stage)
        self.stage = dict(zip(STEMS, values, strict=True))
        FirstOrderDecoder(self.format, self.options.decoder)  # refuse what cannot be decoded
        self._model = load_ambisonizer_model(self.options.variant, self.options.weights)
        if self._model.variant != self.options.variant:
            raise OptionError(
                f"the weights belong to the variant {self._model.variant!r}, not to "
                f"{self.options.variant!r}: pass variant={self._model.variant!r}"
            )
        chosen = self.options
        self._separator = choose_separator(stems, separator, default="")
        if self._separator:
            self.facts = separator_facts(self._separator)
        if self._separator and chosen.variant == "published":
            raise OptionError(
                "stems and separator have no effect with the variant 'published', which has no "
                "stems: leave them out"
            )
        self._scene = Scene(values, chosen.seed, chosen.conditioning, chosen.ambience)
        self._model.require(self._scene)
        if chosen.ambience > NO_AMBIENCE and chosen.variant == "published":
            what = "ambience has no effect: the published network does not predict it separately"
            warnings.warn(what, SpatialkitWarning, 2)
        if values != ALL_FRONT and self.options.variant == "published":
            what = "stage has no effect: the published network does not separate stems"
            warnings.warn(what, SpatialkitWarning, 2)

    def _check_input(self, audio: ArrayLike, name: str = "audio") -> NDArray[Any]:
        checked = super()._check_input(audio, name)
        message = ""
        if self.options.variant == "stage" and len(checked) == 2 and self.options.seed:
            message = "seed has no effect: the scene of stereo is not random"
        elif len(checked) == 1 and self.options.ambience > NO_AMBIENCE:
            message = "ambience has no effect: mono has no decorrelated part"
        if message:
            warnings.warn(message, SpatialkitWarning, 3)
        return checked

    def _stream(self, sample_rate: int) -> WindowedStream:
        from spatialkit_models.ambisonizer.stream import AmbisonizerStream, StemStageStream

        if self._separator:
            return StemStageStream(self, sample_rate, self._separator, self._scene)
        return AmbisonizerStream(self, sample_rate, self._model, self._scene)
