"""Encoder of WAV and BW64 files with ADM metadata.

The chunk chna precedes the audio data and axml follows it: its times depend on the length.
"""

from __future__ import annotations

from spatialkit.errors import OptionError
from spatialkit.files import wave
from spatialkit.files.adm.document import AdmContent, DescribedPart
from spatialkit.files.channels import COMMON_MASKS
from spatialkit.files.encoders import WaveEncoder
from spatialkit.files.formats import Target
from spatialkit.files.rules import wave_problem
from spatialkit.layouts import Layout, get_format


class AdmEncoder(WaveEncoder):
    """Encoder of WAV files with the chunks of ITU-R BS.2088 from blocks (channels, n)."""

    def header(self, samples: int) -> tuple[bytes, int]:
        """Return header and file size; the header is replaceable if the length was unknown."""
        target = self.target
        return wave.wave_header(
            target.channels,
            samples,
            target.sample_rate,
            target.subtype,
            target.mask,
            reserve=target.samples is None,
            adm=content_of(target).chna(),
            trailing=len(self.trailer(samples)),
        )

    def trailer(self, samples: int) -> bytes:
        """Return the chunk axml, and those of tags."""
        target = self.target
        axml = content_of(target).axml(samples, target.sample_rate, target.bits)
        return wave.wave_chunk(b"axml", axml) + super().trailer(samples)


def content_of(target: Target) -> AdmContent:
    """Return the content of a file: that which was passed, or one bed or scene."""
    if target.adm is not None:
        return target.adm
    form = target.format or get_format("mono" if target.channels == 1 else "stereo")
    if isinstance(form, Layout) and target.order is not None:
        form = form.in_order("wave")
    return AdmContent(target.path.name.partition(".")[0], (DescribedPart(form.name, form),))


def adm_problem(target: Target) -> str:
    """Return why a target cannot be a file with ADM metadata, "" if it can."""
    if target.adm is None and target.format is None and target.channels not in COMMON_MASKS:
        raise OptionError(
            f"the format of the {target.channels} channels of {target.path} is unknown, which ADM "
            "specifies",
            python="; pass format=",
            command_line="; add --from",
        )
    return wave_problem(target)
