"""Benchmarks of first-order decoders and of binaural rendering."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from spatialkit.__main__ import main
from spatialkit.ambisonics import decode_foa, encode_foa
from spatialkit.benchmarks import (
    Benchmark,
    System,
    benchmark_binaural,
    benchmark_foa,
    binaural_methods,
    foa_methods,
)
from spatialkit.benchmarks.binaural import _score as binaural_score
from spatialkit.benchmarks.foa import FOA_PROTOCOLS, _diffuse_field, _score
from spatialkit.benchmarks.source_scenes import SourceScenes, active_errors
from spatialkit.binaural import METHODS, read_hrtf
from spatialkit.commands.benchmark import rendering
from spatialkit.errors import OptionError
from spatialkit.layouts import get_format, get_layout
from spatialkit.metrics import Results
from spatialkit.panning import vbap_pan
from spatialkit.rendering import render

SHORT = {"examples": 2, "seconds": 1.0}


def scenes(**options):
    given = {"examples": 3, "seconds": 1.0, "seed": 1, "is_elevated": True, **options}
    return list(SourceScenes(None, **given))


# Scenes


def test_directions_are_at_least_30_degrees_apart_and_depend_on_the_seed_only():
    for scene in scenes(examples=20):
        around = np.sort(scene.azimuth)
        gaps = np.diff(around, append=around[0] + 360.0)
        assert gaps.min() >= 30.0 - 1e-9
        assert np.count_nonzero(scene.elevation) == 2
        assert 0.0 <= scene.elevation.min() <= scene.elevation.max() <= 45.0
    first, again, other = (scenes(seed=seed)[2] for seed in (1, 1, 2))
    assert np.array_equal(first.sources, again.sources)
    assert np.array_equal(first.azimuth, again.azimuth)
    assert not np.array_equal(first.azimuth, other.azimuth)
    assert not scenes(is_elevated=False)[0].elevation.any()


def test_the_diffuse_field_has_equal_intensity_from_everywhere(rng):
    """In SN3D the mean square of Y, Z and X is a third of that of W, and none is correlated."""
    noise = rng.standard_normal((4, 441000))
    field = _diffuse_field(replace(scenes(examples=1)[0], sources=noise))
    covariance = np.cov(field) / np.var(field[0])
    # Energies of responses with 4600 independent values (0.1 s of noise): 2 %, 7 % for the largest.
    np.testing.assert_allclose(np.diag(covariance), [1.0, 1 / 3, 1 / 3, 1 / 3], rtol=0.1)
    assert np.abs(np.corrcoef(field) - np.eye(4)).max() < 0.1


def test_nearly_silent_sources_have_no_error():
    sources = np.ones((3, 100)) * [[1.0], [0.1], [0.01]]
    errors = active_errors(sources, np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(errors, [1.0, 2.0, np.nan])


# First-order Ambisonics


def test_names_functions_and_the_yardstick_are_rows():
    layout = get_layout("7.1.4")
    own = System("own", lambda audio, rate: decode_foa(audio, layout, decoder="epad"), layout)
    given = ["epad", "allrad:weights=dual-band,crossover=500", "upscaling:order=2", own]
    results = benchmark_foa(given, protocols=["dry", "diffuse"], **SHORT)
    assert not [row.error for row in results.rows if row.error]
    rows = {(row.system, row.setting["protocol"]): row.values for row in results.rows}
    for name, values in rows["epad", "dry"].items():
        np.testing.assert_array_equal(rows["own", "dry"][name], values)
    assert set(rows["epad", "diffuse"]) == {"correlation"}
    assert ("true third order", "dry") in rows
    assert ("true third order", "diffuse") not in rows
    assert max(rows["true third order", "dry"]["direction_error"]) < min(
        rows["epad", "dry"]["direction_error"]
    )
    assert np.mean(rows["true third order", "dry"]["snr"]) > np.mean(rows["epad", "dry"]["snr"])
    assert set(results.examples[0]["directions"]) == {"vocals", "drums", "bass", "other"}
    assert set(results.examples[0]["stimuli"]) == {"dry", "diffuse"}
    assert Benchmark.from_json(results.to_json()).to_json() == results.to_json()
    assert set(results.compare("epad")) == {"dry", "diffuse"}


def test_panned_stems_are_their_own_reference():
    """At loudspeakers VBAP uses one channel each, so that directions are exact, too."""
    layout = get_layout("5.0")
    (scene,) = scenes(examples=1, seconds=3.0, is_elevated=False)
    scene = replace(scene, azimuth=layout.azimuth[[0, 1, 2, 4]])
    panned = vbap_pan(scene.sources, scene.azimuth, layout=layout)
    found = _score("dry", scene, panned, encode_foa(scene.sources, scene.azimuth), layout, panned)
    assert found["snr"] == np.inf
    assert found["wild"] == found["wild_90"] == found["level"] == 0.0
    assert found["direction_error"] < 0.1  # stems have some random correlation
    room = _score("room", scene, panned, panned[:4], layout, panned)
    assert set(room) == set(found) - {"snr", "wild", "wild_90", "level"}


def test_dirac_decorrelates_a_diffuse_field():
    layout = get_layout("5.0")
    given = ["allrad", "dirac"]
    results = benchmark_foa(given, layout=layout, protocols=["diffuse", "dry"], examples=1)
    rows = {(row.system, row.setting["protocol"]): row.values for row in results.rows}
    (linear,), (sharp,) = (rows[name, "diffuse"]["correlation"] for name in given)
    assert sharp < 0.6 < linear
    for name in given:
        assert rows[name, "dry"]["wild_90"][0] > rows[name, "dry"]["wild"][0] > 0.0
        assert abs(rows[name, "dry"]["level"][0]) < 3.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"systems": ["harpex"]}, "unknown decoder 'harpex'"),
        ({"systems": ["allrad", "allrad"]}, "'allrad' is there twice"),
        ({"systems": ["dirac:weights=basic"]}, "unknown option of dirac 'weights'"),
        ({"systems": ["upscaling:order=two"]}, "'order' of upscaling must be a whole number"),
        ({"systems": ["allrad:weights"]}, "NAME:KEY=VALUE"),
        ({"protocols": ["wet"]}, "unknown protocol 'wet'"),
        ({"examples": 0}, "examples must be at least 1"),
        ({"seconds": 0.1}, "seconds must be at least 1"),
    ],
)
def test_invalid_arguments_are_refused(arguments, words):
    with pytest.raises(OptionError, match=words):
        benchmark_foa(**arguments)


# Binaural rendering


def test_the_reference_itself_has_no_errors(rng):
    ears = rng.standard_normal((2, 48000))
    found = binaural_score(ears, 48000, ears)
    assert set(found.values()) == {0.0}
    softer = binaural_score(ears, 48000, 0.5 * ears)
    assert softer["level"] == pytest.approx(-20.0 * np.log10(2.0))
    assert softer["loudness_error"] == pytest.approx(20.0 * np.log10(2.0), abs=1e-6)
    assert softer["ild_error"] == pytest.approx(0.0, abs=1e-6)


def test_errors_fall_with_the_order_of_ambisonics_and_own_renderers_are_measured():
    def magls(source):
        form = get_format(source)
        stereo = get_layout("stereo")
        own = System(
            "own",
            lambda audio, rate: render(audio, form, "binaural", sample_rate=rate, method="magls"),
            stereo,
            accepts=(form.n_channels,),
        )
        results = benchmark_binaural(["magls", own], source=source, **SHORT)
        first, second = results.rows
        assert first.error == second.error == ""
        assert first.values == second.values
        return first.values

    low, high = magls("ambix1"), magls("ambix5")
    for name in ("itd_error", "ild_error", "log_spectral_distance"):
        assert np.mean(high[name]) < 0.7 * np.mean(low[name])
    assert benchmark_binaural(["auto:order=3"], source="5.0", **SHORT).rows[0].error == ""
    with pytest.raises(OptionError, match="unknown option of auto 'order'"):
        benchmark_binaural(["auto:order=3"], source="ambix3", **SHORT)


# Command line


def test_names_in_the_help_are_those_of_the_methods():
    layout = get_layout("5.0")
    assert set(rendering.PROTOCOLS) == set(FOA_PROTOCOLS)
    assert set(rendering.DECODERS) == set(foa_methods(layout))
    assert set(rendering.METHODS) == set(binaural_methods(layout, read_hrtf())) == set(METHODS)


def test_benchmarks_and_systems_are_listed(capsys):
    assert main(["benchmark", "--list"]) == 0
    text = capsys.readouterr().out
    for words in ("Measure decoders of first-order", "ambience", "dirac", "magls", "coderynx ("):
        assert words in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("command", "name", "program"),
    [
        (
            ["foa", "--layout", "5.0", "--protocol", "dry", "--decoder", "epad"],
            "epad",
            "spatialkit.decode_foa(audio, '5.0', decoder='epad')",
        ),
        (
            ["binaural", "--from", "ambix1", "--method", "magls"],
            "magls",
            "spatialkit.render(audio, 'ambix1', 'binaural', method='magls')",
        ),
    ],
)
def test_programs_receive_the_format_of_the_benchmark(tmp_path, capsys, command, name, program):
    path = tmp_path / "mine.py"
    path.write_text(
        "import sys, spatialkit\n"
        "audio = spatialkit.read(sys.argv[1], format='ambix1')\n"
        f"found = {program}\n"
        "spatialkit.write(sys.argv[2], found, audio.sample_rate, format="
        f"{'5.0' if name == 'epad' else 'stereo'!r}, subtype='FLOAT')"
    )
    line = ["benchmark", *command, "--examples", "1", "--seconds", "1"]
    table, facts = tmp_path / "all.csv", tmp_path / "all.json"
    line += ["--command", f"mine={sys.executable} {path} {{input}} {{output}}"]
    assert main([*line, "--csv", str(table), "--json", str(facts), "--baseline", name]) == 0
    assert f"mine - {name}" in capsys.readouterr().out
    results = Results.read(table)
    first, second = (results.select(system=each) for each in (name, "mine"))
    for metric in results.metrics:
        np.testing.assert_allclose(first[metric], second[metric], atol=1e-4, err_msg=metric)
    written = json.loads(facts.read_text())
    assert written["settings"]["systems"]["mine"]["command"]
    assert all({name, "mine"} <= {*each["systems"]} for each in written["comparisons"].values())
    assert Benchmark.from_json(facts.read_text()).compare(name)
    assert (
        main(["benchmark", *command[:1], "--write-stimuli", str(tmp_path / "in"), *line[-2:]]) == 2
    )
    assert "omit the systems" in capsys.readouterr().err
