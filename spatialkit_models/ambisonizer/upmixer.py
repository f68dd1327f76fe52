"""The adaptor of the Ambisonizer."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError, SpatialkitWarning
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.upmixing import controls, option
from spatialkit_models.data.scenes import AHEAD, NO_AMBIENCE, parse_stage
from spatialkit_models.inference import LearnedUpmixer
from spatialkit_models.stem_names import STEMS

if TYPE_CHECKING:
    from spatialkit_models.ambisonizer.stream import AmbisonizerStream

__all__ = ["AmbisonizerOptions", "AmbisonizerUpmixer"]


@dataclass(frozen=True)
class AmbisonizerOptions:
    """Options of `AmbisonizerUpmixer`."""

    stage: str = option(
        "front",
        "What is ahead: 'front' (all), 'band' (all but other instruments, which are behind), or by "
        "stem from -1, behind, to 1, ahead: vocals:1,drums:0.7,other:-0.5. Those left out are "
        "ahead.",
    )
    ambience: float = option(
        NO_AMBIENCE,
        "Level in X of what of stereo has no place, of our own network; -60 is none.",
        unit="dB",
        least=NO_AMBIENCE,
        most=12.0,
    )
    seed: int = option(
        0,
        "Which scene of mono, and of the published network of stereo; 0 is the likeliest.",
        least=0,
    )
    layout: Layout | AmbisonicFormat = controls.layout("foa")
    variant: str = option("stage", "Which network.", choices=("stage", "published"))
    conditioning: str = option(
        "natural",
        "What stereo is to the published network: left and right, or the pair that it was taught.",
        choices=("natural", "published"),
    )
    weights: str = option("", "File of weights (.safetensors) to use instead.")
    exact_downmix: bool = controls.exact_downmix()


class AmbisonizerUpmixer(LearnedUpmixer):
    """Mono or stereo to first-order Ambisonics, on a stage of your choice.

    What comes out is AmbiX (ACN order W, Y, Z, X; SN3D; +Y on the left, +X ahead) that is flat: Z
    is silent. W is the mean of the input's channels, and of stereo Y is (L - R) / 2, both to the
    bit: L = W + Y and R = W - Y, what is on the left of a song stays there, and Ambisonics folds
    down to its mean. A network finds X alone [1]_. It knows vocals, drums, bass and other
    instruments apart, and puts each ahead or behind as ``stage`` says: no network can hear that in
    stereo. What swaps left and right gives the mirror image.

    Of mono the network places the stems: ``seed`` says how far to which side and how wide,
    ``stage`` whether ahead or behind. W is the input.

    Parameters
    ----------
    stage : str or mapping
        "front", the default: everything is ahead; "band": other instruments are behind; or values
        by stem from -1, behind, through 0, neither, to 1, ahead: "vocals:1,drums:0.7,other:-0.5",
        or as a mapping. Stems left out are ahead.
    ambience : float
        Level of what the sides have apart, reverberation and width, as it comes from ahead and from
        behind, dB against what of it is in Y; -60, the default, is none. Of stereo only.
    seed : int
        Which scene of mono: 0, the default, has everything in the middle, drums and other
        instruments wide; others are drawn as bands stand. Of the published network, what chance
        draws of its latent; 0 is its mean.
    layout : str, Layout or AmbisonicFormat
        What to render to (`spatialkit.render`); "foa" by default, which is not rendered.
    variant : {"stage", "published"}
        Our own network, which ships, or the published one [1]_, which needs ``weights`` as
        ``spatialkit convert-checkpoint`` makes them, knows no stage and is slow.
    conditioning : {"natural", "published"}
        What stereo is to the published network: L = W + Y and R = W - Y, or the pair of
        microphones that it was taught, at 22.5 and 202.5 degrees, of which Y is found, too. In
        that what was on the left of a song is ahead, on the right behind. The scenes that it
        makes of mono are 67.5 degrees apart.
    weights : str
        File of weights to use instead, as ``spatialkit train ambisonizer`` writes.
    exact_downmix : bool
        Whether loudspeakers are corrected to fold down to the original. False by default. W folds
        down to it as it is.

    Attributes
    ----------
    stage : dict of str to float
        That it upmixes on, by stem.

    Notes
    -----
    Songs are upmixed in windows of 10 s that overlap by 2 s. A stream holds back a window. At
    other rates than the network's only what it makes is resampled.

    `spatialkit.virtual_microphones` makes stereo of Ambisonics by two microphones, as the authors
    do: theirs look to opposed sides.

    References
    ----------
    .. [1] Y. Zang, Y. Wang and M. Lee, "Ambisonizer: neural upmixing as spherical harmonics
       generation", 2024, arXiv 2405.13428.
    """

    name = "ambisonizer"
    accepts = (1, 2)
    options_class = AmbisonizerOptions

    def __init__(self, *, stage: Any = AmbisonizerOptions.stage, **options: Any) -> None:
        if isinstance(stage, Mapping):
            values = dict(zip(STEMS, parse_stage(stage), strict=True))
            stage = ",".join(f"{stem}:{value!r}" for stem, value in values.items())
        super().__init__(stage=stage, **options)
        from spatialkit_models.ambisonizer.inference import Scene, load_ambisonizer_model

        told = parse_stage(self.options.stage)
        self.stage = dict(zip(STEMS, told, strict=True))
        self._model = load_ambisonizer_model(self.options.variant, self.options.weights)
        if self._model.variant != self.options.variant:
            raise OptionError(
                f"the weights are of the variant {self._model.variant!r}, not of "
                f"{self.options.variant!r}: pass variant={self._model.variant!r}"
            )
        chosen = self.options
        self._scene = Scene(told, chosen.seed, chosen.conditioning, chosen.ambience)
        self._model.require(self._scene)
        if chosen.ambience > NO_AMBIENCE and chosen.variant == "published":
            what = "ambience does nothing: the published network makes all that it makes at once"
            warnings.warn(what, SpatialkitWarning, 2)
        if told != AHEAD and self.options.variant == "published":
            what = "stage does nothing: the published network knows no stems"
            warnings.warn(what, SpatialkitWarning, 2)

    def _check_input(self, audio: ArrayLike, name: str = "audio") -> NDArray[Any]:
        checked = super()._check_input(audio, name)
        idle = ""
        if self.options.variant == "stage" and len(checked) == 2 and self.options.seed:
            idle = "seed does nothing: of stereo the network makes one scene, not many"
        elif len(checked) == 1 and self.options.ambience > NO_AMBIENCE:
            idle = "ambience does nothing: mono has no sides that tell what surrounds"
        if idle:
            warnings.warn(idle, SpatialkitWarning, 3)
        return checked

    def _stream(self, sample_rate: int) -> AmbisonizerStream:
        from spatialkit_models.ambisonizer.stream import AmbisonizerStream

        return AmbisonizerStream(self, sample_rate, self._model, self._scene)
