"""Whole files of every container and codec that is read, made with libsndfile and PyAV."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import crafted_files as crafted
import numpy as np

RATE = 48000
SAMPLES = 24000
# Containers of libsndfile.
CONTAINERS = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "VOC", "SVX", "NIST", "AVR")
ENCODINGS = {"FLAC": "PCM_16", "OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}
# File name, codec and options of PyAV.
CODECS = (
    ("a.m4a", "aac"),
    ("a.m4a", "alac"),
    ("a.mp4", "ac3"),
    ("a.mp4", "flac"),
    ("a.mp4", "opus"),
    ("a.mov", "pcm_s16le"),
    ("a.mkv", "aac"),
    ("a.mka", "flac"),
    ("a.mka", "vorbis"),
    ("a.webm", "opus"),
    ("a.mka", "pcm_s24le"),
    ("a.avi", "ac3"),
    ("a.avi", "pcm_s16le"),
    ("a.wma", "wmav2"),
    ("a.asf", "wmav1"),
    ("a.flv", "aac"),
    ("a.flv", "mp3"),
    ("a.ts", "aac"),
    ("a.ts", "ac3"),
    ("a.ts", "mp2"),
    ("a.mpg", "mp2"),
    ("a.mpg", "ac3"),
    ("a.aac", "aac"),
    ("a.ac3", "ac3"),
    ("a.eac3", "eac3"),
    ("a.dts", "dca"),
    ("a.thd", "truehd"),
    ("a.mlp", "mlp"),
    ("a.wv", "wavpack"),
    ("a.tta", "tta"),
    ("a.ogg", "flac"),
    ("a.oga", "opus"),
    ("a.oga", "vorbis"),
    ("a.caf", "alac"),
    ("a.caf", "pcm_s16be"),
    ("a.caf", "adpcm_ima_qt"),
    ("a.aiff", "pcm_s24be"),
    ("a.wav", "ac3"),
    ("a.wav", "mp2"),
    ("a.wav", "pcm_s24le"),
    ("a.w64", "pcm_s16le"),
    ("a.au", "pcm_s16be"),
    ("a.mp3", "libmp3lame"),
    ("a.mp2", "mp2"),
    ("a.loas", "aac"),
)


def tones(channels: int, samples: int = SAMPLES) -> np.ndarray:
    """A tone of its own in each channel, with a little noise for lossless coders."""
    time = np.arange(samples) / RATE
    noise = np.random.default_rng(1).normal(0.0, 1e-3, (channels, samples))
    hertz = 300.0 * (np.arange(channels)[:, None] + 1)
    return (0.3 * np.sin(2 * np.pi * hertz * time) + noise).astype(np.float32)


def libsndfile_files() -> dict[str, bytes]:
    """Files by a name of their kind."""
    import soundfile

    made = {}
    for container in (*CONTAINERS, *ENCODINGS):
        content = io.BytesIO()
        channels = 1 if container == "SVX" else 2
        subtype = ENCODINGS.get(container, "PCM_16")
        soundfile.write(content, tones(channels).T, RATE, format=container, subtype=subtype)
        made[container.lower()] = content.getvalue()
    content = io.BytesIO()
    soundfile.write(content, tones(2).T, RATE, format="OGG", subtype="OPUS")
    made["opus"] = content.getvalue()
    return made


def encoded(name: str, codec: str, audio: np.ndarray | None = None, **options: str) -> bytes:
    """Content of a file that PyAV writes."""
    import av

    audio = tones(2) if audio is None else audio
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(audio)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        form = {"loas": "latm"}.get(path.suffix[1:])
        settings = {"strict": "-2", **options}
        with av.open(str(path), "w", format=form) as container:
            track = container.add_stream(codec, rate=RATE, layout=layout, options=settings)
            form = track.codec_context.codec.audio_formats[0].name
            resampler = av.AudioResampler(format=form, layout=layout, rate=RATE)
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(audio.T).reshape(1, -1), format="flt", layout=layout
            )
            frame.sample_rate, frame.pts = RATE, 0
            for part in (*resampler.resample(frame), *resampler.resample(None), None):
                container.mux(track.encode(part))
        return path.read_bytes()


def av_files() -> dict[str, bytes]:
    """Files by a name of their kind; those whose codec this build of PyAV lacks are left out."""
    import av

    made = {}
    for name, codec in CODECS:
        try:
            made[f"{codec} in {name[2:]}"] = encoded(name, codec)
        except (av.FFmpegError, ValueError) as error:
            print(f"{codec} in {name[2:]}: {error}")
    made["dsf"] = crafted.dsf_file(8 * 4096)
    made["dff"] = crafted.dff_file(8 * 4096)
    made["flac20"] = crafted.flac_file(np.arange(-500, 500).reshape(2, 500), 20)
    return made
