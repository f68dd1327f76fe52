"""``spatialkit decode``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from click.core import ParameterSource

from spatialkit.ambisonics import FoaDecoder, Weights
from spatialkit.commands import toolkit
from spatialkit.errors import OptionError

if TYPE_CHECKING:
    from spatialkit.files import AudioStream
    from spatialkit.layouts import AmbisonicFormat, Layout
    from spatialkit.setups import AmbisonicDecoder, LoudspeakerSetup

DECODERS = get_args(FoaDecoder)
WEIGHTS = get_args(Weights)


@toolkit.command(
    "spatialkit decode scene.wav -o speakers.wav --layout 7.1.4",
    "spatialkit decode scene.wav -o scene-in-room.wav --setup room.json",
    "spatialkit decode foa.wav -o speakers.wav --layout 7.1.4 --decoder dirac",
    "spatialkit decode scene.wav -o dome.wav --matrix allrad.json",
    "spatialkit decode b-format.wav -o quad.wav --from fuma1 --layout quad",
)
@toolkit.file_argument
@toolkit.output_option
@toolkit.layout_option("5.0")
@toolkit.setup_option
@toolkit.reading_options(formats=toolkit.SCENE_NAMES)
@click.option(
    "--decoder",
    type=toolkit.Name(DECODERS),
    metavar="NAME",
    default="allrad",
    show_default=True,
    help=f"Decoder: {toolkit.one_of(DECODERS)}. dirac, for order 1, estimates directions.",
)
@click.option(
    "--weights",
    type=toolkit.Name(WEIGHTS),
    metavar="NAME",
    default="max-re",
    show_default=True,
    help=f"Weights of the orders: {toolkit.one_of(WEIGHTS)}.",
)
@click.option(
    "--matrix",
    type=toolkit.FILE,
    metavar="FILE",
    help="Decoder file, .json (IEM) or .config (ambiX), in place of --decoder and --layout.",
)
@toolkit.force_option
@toolkit.json_option
def command(
    source: Path,
    output: Path,
    layout: str | Layout,
    setup: LoudspeakerSetup | None,
    reading: dict[str, Any],
    decoder: FoaDecoder,
    weights: Weights,
    matrix: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Decode Ambisonics to loudspeakers."""
    from spatialkit.ambisonics import (
        ParametricStream,
        convert_foa,
        decode_ambisonics,
        decode_foa,
    )
    from spatialkit.layouts import AmbisonicFormat, get_layout

    target = get_layout(toolkit.layout_of(setup, layout))
    toolkit.check_output(output, [source], force)
    file = None if matrix is None else _read_matrix(matrix, setup)

    def plan(audio: AudioStream, scene: AmbisonicFormat) -> toolkit.Conversion:
        if file is not None:
            apply = partial(
                file.apply, normalization=scene.normalization, channel_order=scene.channel_order
            )
            return toolkit.Conversion(apply, file.layout, channels=len(file.matrix))
        if decoder.lower() == "dirac":
            return _sharp(audio, scene, target, weights)
        function: Callable[..., Any] = decode_foa if scene.order == 1 else decode_ambisonics
        decode = partial(
            function,
            layout=target,
            decoder=decoder,
            weights=weights,
            sample_rate=audio.sample_rate,
            normalization=scene.normalization,
            channel_order=scene.channel_order,
        )
        return toolkit.Conversion(decode, target, whole=weights.lower() == "dual-band")

    def _sharp(
        audio: AudioStream, scene: AmbisonicFormat, target: Layout, weights: Weights
    ) -> toolkit.Conversion:
        """Return the conversion by "dirac", block by block."""
        if scene.order > 1:
            raise OptionError(
                f"decoder dirac is for first order, {source} has order {scene.order}: choose "
                "another --decoder"
            )
        if weights.lower() != "max-re":
            raise OptionError(f"--weights {weights} has no effect on --decoder dirac: omit it")
        stream = ParametricStream(target, audio.sample_rate)
        plain = AmbisonicFormat(1)
        return toolkit.Conversion(
            lambda block: stream.process(convert_foa(block, scene, plain)),
            target,
            flush=stream.flush,
        )

    facts = toolkit.convert_scene(source, output, reading, plan, force=force, setup=setup)
    toolkit.print_output(facts, as_json, source)


def _read_matrix(path: Path, setup: LoudspeakerSetup | None) -> AmbisonicDecoder:
    """Return the decoder of ``--matrix``, for the layout of ``--setup`` if specified."""
    from spatialkit.setups import read_decoder

    context = click.get_current_context()
    for option in ("layout", "decoder", "weights"):
        if context.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            raise OptionError(f"--{option} and --matrix are mutually exclusive")
    decoder = read_decoder(path)
    if setup is None:
        return decoder
    if len(decoder.matrix) != setup.layout.n_channels:
        raise OptionError(
            f"{path} has {len(decoder.matrix)} outputs, --setup has {setup.layout.n_channels} "
            "channels"
        )
    return replace(decoder, layout=setup.layout)
