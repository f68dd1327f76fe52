"""Decoder files of the IEM and ambiX plug-ins."""

from __future__ import annotations

import json

import numpy as np
import pytest

from spatialkit import (
    Audio,
    convert_ambisonics,
    decode_ambisonics,
    decoder_matrix,
    encode_ambisonics,
    get_layout,
    read,
    write,
)
from spatialkit.__main__ import main
from spatialkit.errors import AudioFileError, OptionError, ShapeError
from spatialkit.setups import read_decoder, write_decoder

QUAD = """\
// Comments are ignored.
#GLOBAL
/debug_msg Square
/coeff_scale fuma
/coeff_seq acn
/dec_mat_gain 2.0
#END

#HRTF <filename> <gain factor>
H0e045a.wav 1 0 1
#END

#DECODERMATRIX rows of W Y Z X
0.25\t0.176776695 0 0.176776695
0.25\t-0.176776695 0 0.176776695
0.25\t0.176776695 0 -0.176776695
0.25\t-0.176776695 0 -0.176776695
#END
"""


def harmonics(azimuth, elevation, order, **form):
    return encode_ambisonics(np.ones(1), azimuth, elevation, order=order, **form)[:, 0]


@pytest.mark.parametrize("extension", ["json", "config"])
@pytest.mark.parametrize("layout", ["7.1.4", "22.2"])
def test_a_decoder_is_read_as_it_was_written(tmp_path, rng, extension, layout):
    path = tmp_path / f"decoder.{extension}"
    matrix = decoder_matrix(layout, 3)
    write_decoder(path, matrix, layout=get_layout(layout), name="Dome")
    decoder = read_decoder(path)
    assert np.array_equal(decoder.matrix, matrix)
    assert (decoder.order, decoder.name) == (3, "Dome")
    assert decoder.layout == (get_layout(layout) if extension == "json" else None)
    scene = rng.standard_normal((2, 16, 300)).astype(np.float32)
    assert decoder.apply(scene) == pytest.approx(decode_ambisonics(scene, layout), abs=1e-6)
    n3d = convert_ambisonics(scene[0], "ambix3", "fuma3")
    assert decoder.apply(Audio(n3d, 48000, "fuma3")) == pytest.approx(
        decode_ambisonics(scene[0], layout), abs=1e-5
    )


def test_ambix_scale_order_and_gain(tmp_path):
    """In FuMa, W is 3 dB lower: 2 (0.25 W / sqrt 2 + 0.25 / sqrt 2 (x + y)) of the matrix."""
    path = tmp_path / "square.config"
    path.write_text(QUAD)
    decoder = read_decoder(path)
    assert decoder.name == "Square"
    each = decoder.matrix @ harmonics(45.0, 0.0, 1)
    assert each == pytest.approx(
        np.sqrt(0.125) * (1.0 + np.array([1, 0, 0, -1]) * 2**0.5), abs=1e-8
    )


@pytest.mark.parametrize(
    ("option", "mirror"),
    [
        ("/flip", lambda azimuth, elevation: (-azimuth, elevation)),
        ("/flop", lambda azimuth, elevation: (180.0 - azimuth, elevation)),
        ("/flap", lambda azimuth, elevation: (azimuth, -elevation)),
    ],
)
def test_ambix_mirrors(tmp_path, option, mirror):
    path = tmp_path / "mirrored.config"
    matrix = decoder_matrix("7.1.4", 3)
    write_decoder(path, matrix)
    path.write_text(path.read_text().replace("#END", f"{option} 1\n#END", 1))
    found = read_decoder(path).matrix @ harmonics(35.0, 20.0, 3)
    assert found == pytest.approx(matrix @ harmonics(*mirror(35.0, 20.0), 3), abs=1e-12)


def iem(**changes):
    """Decoder of two loudspeakers in channels 3 and 1, in N3D."""
    matrix = [[0.5, 0.1, 0.2, 0.3], [0.4, -0.1, 0.0, 0.2]]
    decoder = {"Name": "Pair", "ExpectedInputNormalization": "n3d", "Matrix": matrix}
    return {"Name": "File", "Decoder": decoder | {"Routing": [3, 1]} | changes}


def test_iem_normalization_routing_and_weights(tmp_path):
    path = tmp_path / "decoder.json"
    path.write_text(json.dumps(iem()))
    plain = read_decoder(path).matrix
    scene = harmonics(50.0, 10.0, 1, normalization="N3D")
    expected = np.array(iem()["Decoder"]["Matrix"]) @ scene
    assert plain @ harmonics(50.0, 10.0, 1) == pytest.approx([expected[1], 0.0, expected[0]])
    for weights, gain in (("maxrE", 3.0**-0.5), ("inPhase", 1.0 / 3.0)):
        path.write_text(json.dumps(iem(Weights=weights)))
        assert read_decoder(path).matrix == pytest.approx(plain * [1.0, gain, gain, gain])
        path.write_text(json.dumps(iem(Weights=weights, WeightsAlreadyApplied=True)))
        assert np.array_equal(read_decoder(path).matrix, plain)


def test_layouts_with_gains_and_imaginary_loudspeakers(tmp_path):
    path = tmp_path / "decoder.json"
    loudspeakers = [
        {"Azimuth": 30, "Elevation": 0, "Channel": 1, "Gain": 0.5},
        {"Azimuth": -30, "Elevation": 0, "Channel": 3, "Gain": 1},
        {"Azimuth": 0, "Elevation": -90, "Channel": 4, "IsImaginary": True, "Gain": 0},
    ]
    path.write_text(json.dumps(iem() | {"LoudspeakerLayout": {"Loudspeakers": loudspeakers}}))
    decoder = read_decoder(path)
    assert decoder.layout.labels == ("1", "LFE", "3")
    assert not decoder.matrix[1].any()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({}, '"Decoder" with "Matrix" is missing'),
        (iem(Matrix=[[1, 2, 3]]), "Matrix must contain finite numbers"),
        (iem(Matrix="none"), "Matrix must contain finite numbers"),
        (iem(Matrix=[[1, 2], [3]]), "Matrix must be an array of numbers"),
        (iem(Routing=[1, 1]), "Routing must be 2 different channel numbers"),
        (iem(Routing=5), "Routing must be 2 different channel numbers"),
        (iem(Routing=[1, 10**9]), "Routing must be 2 different channel numbers"),
        (iem(ExpectedInputNormalization="fuma"), "unknown ExpectedInputNormalization 'fuma'"),
        (iem(Weights="loud"), "unknown Weights 'loud'"),
        (iem() | {"LoudspeakerLayout": 3}, "not a loudspeaker layout"),
    ],
)
def test_malformed_iem_files(tmp_path, content, sentence):
    path = tmp_path / "decoder.json"
    path.write_text(json.dumps(content))
    with pytest.raises(OptionError, match=f"decoder.json: .*{sentence}"):
        read_decoder(path)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("#DECODERMATRIX", "#MATRIX", "#DECODERMATRIX is missing or empty"),
        ("0.25\t-", "loud\t-", "contains no number where one is needed"),
        ("0.25\t-", "0.25 1 \t-", "#DECODERMATRIX must be an array of numbers"),
        ("/coeff_seq acn", "/coeff_seq sid", "unknown /coeff_seq 'sid'"),
        ("/dec_mat_gain 2.0", "/dec_mat_gain much", "/dec_mat_gain must be a number"),
        ("/dec_mat_gain 2.0", "/dec_mat_gain inf", "/dec_mat_gain must be from"),
    ],
)
def test_malformed_ambix_files(tmp_path, old, new, sentence):
    path = tmp_path / "decoder.config"
    path.write_text(QUAD.replace(old, new))
    with pytest.raises(OptionError, match=f"decoder.config: .*{sentence}"):
        read_decoder(path)


def test_refused_arguments(tmp_path):
    with pytest.raises(OptionError, match=r"unknown extension of a decoder file '.txt'"):
        read_decoder(tmp_path / "decoder.txt")
    with pytest.raises(OptionError, match="path must be text or a path object, got 3"):
        read_decoder(3)
    with pytest.raises(OptionError, match=r"no.config: cannot be read: No such file"):
        read_decoder(tmp_path / "no.config")
    matrix, path = decoder_matrix("quad", 1), tmp_path / "quad.json"
    with pytest.raises(OptionError, match=r"matrix has 4 outputs, layout '5.1' has 6 channels"):
        write_decoder(path, matrix, layout=get_layout("5.1"))
    with pytest.raises(OptionError, match="matrix must contain finite numbers"):
        write_decoder(path, np.eye(3))
    write_decoder(path, matrix)
    with pytest.raises(AudioFileError, match="exists: pass overwrite=True"):
        write_decoder(path, matrix)
    write_decoder(path, matrix, overwrite=True)
    with pytest.raises(ShapeError, match="order 1"):
        read_decoder(path).apply(np.zeros((9, 100)))


def test_decode_with_a_decoder_file(tmp_path, monkeypatch, rng, capsys):
    monkeypatch.chdir(tmp_path)
    scene = rng.uniform(-0.2, 0.2, (16, 800)).astype(np.float32)
    write("scene.wav", scene, 48000, format="ambix3")
    matrix = decoder_matrix("7.1.4", 3, weights="in-phase")
    write_decoder("dome.json", matrix, layout=get_layout("7.1.4"))
    write_decoder("dome.config", matrix)
    (tmp_path / "room.json").write_text(get_layout("7.1.4").to_json())
    expected = decode_ambisonics(scene, "7.1.4", weights="in-phase")
    for options in ("--matrix dome.json", "--matrix dome.config --setup room.json"):
        assert main(f"decode scene.wav -o out.wav --force {options}".split()) == 0
        assert read("out.wav").samples == pytest.approx(expected, abs=1e-6)
        assert read("out.wav").format == get_layout("7.1.4")
    assert main(["decode", "scene.wav", "-o", "plain.wav", "--matrix", "dome.config"]) == 0
    assert read("plain.wav").samples.shape == (12, 800)
    capsys.readouterr()
    assert (
        main(["decode", "scene.wav", "-o", "no.wav", "--matrix", "dome.json", "--layout", "5.1"])
        == 2
    )
    assert "--layout and --matrix are mutually exclusive" in capsys.readouterr().err
