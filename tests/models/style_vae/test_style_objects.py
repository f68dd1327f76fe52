"""A song as objects: stems at the directions of a style, and a bed for the residual."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from spatialkit.commands.cli import main
from spatialkit.errors import UpmixerError
from spatialkit.files import info, read, write
from spatialkit.objects import read_adm, write_adm
from spatialkit.panning import vbap_gains
from spatialkit.rendering import render
from spatialkit.sample import sample_path
from spatialkit.upmixing import get_upmixer, upmix_objects
from spatialkit_models.separation import Separator
from spatialkit_models.stem_names import STEMS
from spatialkit_models.style_vae.objects import stem_objects
from spatialkit_models.style_vae.stem_panning import stereo_gains

sys.path.append(str(Path(__file__).parents[2] / "files"))
from outside import ear_render

RATE = 44100


class Quarters(Separator):
    """A quarter of the song as each stem, of which the drums are reversed in polarity."""

    name = "quarters"
    stems = STEMS

    def _separate(self, audio, sample_rate, start):
        return np.stack([audio * share for share in (0.75, -0.25, 0.25, 0.25)])


def song(samples=30000):
    rng = np.random.default_rng(1)
    return rng.uniform(-0.2, 0.2, (2, samples)).astype(np.float32)


def gains_at(*azimuths):
    """Gains of each stem, whose directions share its power."""
    gains = [np.sqrt(np.mean(vbap_gains(each, layout="5.0") ** 2, axis=0)) for each in azimuths]
    return np.array(gains)


def test_stems_of_a_mix_are_a_point_or_a_pair_and_nothing_is_left():
    gains = gains_at([0.0], [30.0, -30.0], [70.0], [110.0, -110.0])
    parts, matrix, rendering = stem_objects(gains)
    assert [(part.name, round(float(part.blocks.azimuth[0]), 3)) for part in parts] == [
        ("vocals", 0.0),
        ("drums left", 30.0),
        ("drums right", -30.0),
        ("bass left", 110.0),
        ("bass right", 30.0),
        ("other left", 110.0),
        ("other right", -110.0),
    ]
    wanted = np.concatenate(
        list(stereo_gains(gains_at([0.0], [30.0, -30.0], [70.0], [110.0, -110.0]))), axis=1
    )
    np.testing.assert_allclose(rendering @ matrix, wanted, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_the_rendering_equals_the_gains_of_any_style(seed):
    gains = np.random.default_rng(seed).uniform(0.0, 1.0, (4, 5)) ** 3
    gains /= np.linalg.norm(gains, axis=1, keepdims=True)
    parts, matrix, rendering = stem_objects(gains)
    assert parts[0].name == "residual"
    wanted = np.concatenate(list(stereo_gains(gains)), axis=1)
    np.testing.assert_allclose(rendering @ matrix, wanted, atol=1e-12)
    # An object is closer to the style than any other direction: the bed is orthogonal to it.
    bed, objects = matrix[:5], rendering[:, 5:]
    for column, row in zip(objects.T, matrix[5:], strict=True):
        assert abs(column @ bed @ np.where(row > 0, 1.0, 0.0)) < 1e-3


def test_the_rendering_of_the_scene_equals_the_upmix(tmp_path):
    for options in ({"style": "random", "seed": 3}, {"directions": "vocals:0,other:60"}):
        upmixer = get_upmixer("style-vae", separator=Quarters(), **options)
        upmix = upmixer.upmix(song(), RATE)
        scene = upmix_objects(upmixer, song(), RATE, name="song")
        assert scene.name == "song"
        np.testing.assert_allclose(render(scene, target="5.0"), upmix, atol=1e-6)


def test_the_command_writes_objects_that_render_to_the_upmix(tmp_path, capsys):
    audio = read(sample_path(), duration=1.0)
    write(tmp_path / "song.wav", audio)
    objects, channels = tmp_path / "song.adm.wav", tmp_path / "channels.wav"
    arguments = ["upmix", str(tmp_path / "song.wav"), "--upmixer", "style-vae"]
    assert main([*arguments, "-o", str(objects), "--objects"]) == 0
    printed = capsys.readouterr().out
    assert "song.adm.wav: objects, " in printed
    assert "beds and objects: residual, vocals, drums left" in printed
    assert main([*arguments, "-o", str(channels)]) == 0
    capsys.readouterr()
    upmix = read(channels).samples
    scene = read_adm(objects)
    # 24 bits, once for each of 11 tracks.
    np.testing.assert_allclose(render(scene, target="5.0"), upmix, atol=11 * 2.0**-24)
    assert info(objects).adm.programme == "song"
    assert main([*arguments, "-o", f"{tmp_path}/out/", "--objects", "--json"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)[-1:]
    assert facts["objects"][1] == "vocals"
    assert facts["format"] == "objects"


def test_the_ebu_renderer_returns_the_upmix(tmp_path):
    upmixer = get_upmixer("style-vae", separator=Quarters(), style="random", seed=3)
    write(tmp_path / "song.wav", song(), RATE)
    write_adm(tmp_path / "a.adm.wav", upmix_objects(upmixer, song(), RATE))
    rendered = ear_render(tmp_path / "a.adm.wav", "0+5+0")[[0, 1, 2, 4, 5]]
    np.testing.assert_allclose(rendered, upmixer.upmix(song(), RATE), atol=12 * 2.0**-24)


def test_upmixers_without_objects_and_options_of_channels_are_refused(tmp_path, capsys):
    for name, options, message in (
        ("matrix", {}, "upmixer 'matrix' has no objects; 'style-vae' has"),
        ("style-vae", {"layout": "7.1.4"}, "objects have no layout, got '7.1.4'"),
        ("style-vae", {"exact_downmix": True}, "exact_downmix corrects channels"),
        ("style-vae", {"panned": True}, "objects need stems"),
    ):
        with pytest.raises(UpmixerError, match=message):
            get_upmixer(name, **options).as_objects()
    write(tmp_path / "song.wav", song(), RATE)
    arguments = ["upmix", str(tmp_path / "song.wav"), "--objects", "-o"]
    assert main([*arguments, str(tmp_path / "a.wav")]) == 2
    assert "upmixer 'ambience' has no objects" in capsys.readouterr().err
    assert main([*arguments, str(tmp_path / "a.flac"), "--upmixer", "style-vae"]) == 2
    assert "--objects writes .wav files" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["song.wav"]
