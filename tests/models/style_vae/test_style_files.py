"""Two processes may save one style at the same time."""

from __future__ import annotations

import pytest

from spatialkit_models.style_vae.style import Style, StyleError

SIZE = 2000


def style(value):
    return Style(
        mean=(value,) * SIZE, log_variance=(value,) * SIZE, model="style-vae-fast", weights="0" * 64
    )


def save_often(path, value, ready, failures):
    ready.wait()
    for _ in range(40):
        try:
            style(value).save(path)
        except StyleError:
            failures.value += 1


@pytest.fixture(scope="module")
def processes(fork_server):
    """Processes that start at once, with their imports done."""
    return fork_server("spatialkit_models.style_vae.style", __name__)


def test_two_processes_save_and_a_third_reads(tmp_path, processes):
    path, ready = tmp_path / "style.json", processes.Barrier(2)
    style(1.0).save(path)
    failures = [processes.Value("i", 0) for _ in "ab"]
    writers = [
        processes.Process(target=save_often, args=(path, value, ready, failed))
        for value, failed in zip((1.0, 0.123456789), failures, strict=True)
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        loaded = Style.load(path)  # a StyleError if it is truncated
        assert len({*loaded.mean, *loaded.log_variance}) == 1
    assert [failed.value for failed in failures] == [0, 0]
    assert [other.name for other in tmp_path.iterdir()] == ["style.json"]


def test_a_style_draws_and_describes_itself():
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    pytest.importorskip("matplotlib")
    from spatialkit_models.style_vae import directions_style

    chosen = directions_style({"vocals": 0.0, "other": [110.0, -110.0]})
    places = chosen.directions()
    assert abs(places["vocals"].azimuth) < 1.0
    legend = [text.get_text() for text in chosen.plot().get_legend().get_texts()]
    assert legend[0] == "vocals: 0 degrees"
    assert len(legend) == len(places)
    text = chosen._repr_html_()
    assert text.count("<tr>") == 1 + len(places)
    # Of other weights: the reason instead of the places.
    assert "was encoded with" in style(0.1)._repr_html_()
