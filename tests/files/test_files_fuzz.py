"""A few hundred damaged files of every kind; `make torture` tests any number."""

from __future__ import annotations

import fuzz_files
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialkit.files import read, stream, write, write_stream
from spatialkit.files.sound import BLOCK_SIZE
from spatialkit.layouts import get_layout, layout_names, reorder

KINDS = (
    *("wav", "wavex", "float", "rf64", "bw64", "flac", "flac-mask", "vorbis", "opus", "amb", "adm"),
    *("axml", "named", "id3", "w64", "chan", "aiff-chan", "projection"),
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return fuzz_files.seeds(tmp_path_factory.mktemp("seeds"), with_av=False)


@pytest.mark.parametrize("kind", KINDS)
def test_the_original_files_are_valid(tmp_path, corpus, kind):
    assert fuzz_files.attempt(tmp_path / "whole", corpus[kind]) == "read"


@pytest.mark.parametrize("kind", KINDS)
@given(changes=st.data())
def test_mutated_files_are_read_or_raise_one_sentence(tmp_path_factory, corpus, kind, changes):
    data = fuzz_files.mutated(corpus[kind], Choices(changes))
    fuzz_files.attempt(tmp_path_factory.getbasetemp() / "changed", data)


class Choices:
    """The random numbers of `mutated`, chosen by Hypothesis, which can make a failure small."""

    def __init__(self, data):
        self.data = data

    def integers(self, low, high):
        return self.data.draw(st.integers(low, high - 1))

    def random(self):
        return self.data.draw(st.floats(0, 1, exclude_max=True))

    def choice(self, values):
        return self.data.draw(st.sampled_from(values))

    def bytes(self, length):
        return self.data.draw(st.binary(min_size=length, max_size=length))


# Good files, of any layout and length


@given(
    name=st.sampled_from(layout_names()),
    samples=st.sampled_from([0, 1, 2, 99, 4097, BLOCK_SIZE, BLOCK_SIZE + 1]),
    encoding=st.sampled_from(["a.wav FLOAT", "a.wav PCM_16", "a.wav PCM_24", "a.flac PCM_16"]),
    blocks=st.lists(st.integers(1, 3 * BLOCK_SIZE // 2), min_size=1, max_size=4),
    reading=st.integers(1, 2 * BLOCK_SIZE),
)
def test_streamed_channels_keep_their_labels(
    tmp_path_factory, name, samples, encoding, blocks, reading
):
    """Any blocks in, any blocks out; integers of 16 bits are exact in every encoding."""
    file, subtype = encoding.split()
    layout = get_layout(name)
    if file == "a.flac" and (layout.n_channels > 8 or not samples):
        file = "a.wav"
    path = tmp_path_factory.mktemp("any") / file
    random = np.random.default_rng(samples)
    audio = random.integers(-(2**15), 2**15, (layout.n_channels, samples)) / np.float32(2**15)
    audio = audio.astype(np.float32)
    with write_stream(path, 44100, format=layout, subtype=subtype) as target:
        start = 0
        while start < samples:
            size = max(blocks[start % len(blocks)], samples // 20)  # at most 20 blocks
            target.write(audio[:, start : start + size])
            start += size
    whole = read(path)
    with stream(path, block=reading) as source:
        parts = [np.empty((layout.n_channels, 0), np.float32), *source]
    assert np.array_equal(np.hstack(parts), whole.samples)
    write(path, audio, 44100, format=layout, subtype=subtype, overwrite=True)
    assert np.array_equal(read(path).samples, whole.samples)
    if whole.format is None:
        assert np.array_equal(whole.samples, audio)
    else:
        assert np.array_equal(reorder(whole.samples, whole.format, layout), audio)
