"""Tests of the local page in headless Chromium, from upload to download."""

from __future__ import annotations

import pytest
from served_page import served, short_song

from spatialkit.sample import sample_path


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    return short_song(tmp_path_factory.mktemp("song"))


@pytest.fixture
def page(chromium, server):
    found = chromium.new_page(viewport={"width": 1000, "height": 900})
    problems = []
    found.on("console", lambda message: problems.append(message.text))
    found.on("pageerror", lambda error: problems.append(str(error)))
    found.goto(server.url)
    found.locator("#upmixer option").first.wait_for(state="attached")
    yield found
    found.close()
    assert not [each for each in problems if "400" not in each]  # refused uploads are logged


def finish(page, state="done"):
    page.click("#start")
    page.locator("#result:not([hidden]), #messages .error").first.wait_for(timeout=120_000)
    assert page.inner_text("#state") == state, page.inner_text("#messages")


def test_a_song_is_upmixed_listened_to_and_downloaded(page, song, tmp_path):
    page.set_input_files("#file", {"name": "söng.wav", "mimeType": "audio/wav", "buffer": song})
    page.locator("#start:enabled").wait_for()
    assert page.inner_text("#song") == "söng.wav: WAV FLOAT, stereo, 48000 Hz, 0.5 s"
    page.select_option("#upmixer", "matrix")
    page.select_option("#layout", "7.1.4")
    page.select_option("#format", ".flac")
    page.click("#more summary")
    page.fill('[data-option="center"]', "0.25")
    finish(page, "failed")
    assert "FLAC file has at most 8 channels, got 12" in page.inner_text("#messages")
    page.select_option("#format", ".wav")
    finish(page)
    assert "12 (7.1.4)" in page.inner_text("#facts")
    with page.expect_download() as download:
        page.click("#files a >> nth=-1")
    assert download.value.suggested_filename == "söng (7.1.4).wav"
    download.value.save_as(tmp_path / "a.wav")
    page.click("#player button:has-text('Play')")
    page.click("#player button:has-text('Song')")
    assert page.get_attribute("#player button:has-text('Song')", "aria-pressed") == "true"
    assert page.inner_text("#player .error") == ""


def test_a_preset_fills_the_form(page):
    page.select_option("#upmixer", "ambience")
    page.select_option("#preset", "concert")
    assert page.input_value('[data-option="ambience"]') == "4.0"
    assert "seat in the hall" in page.inner_text("#summary")
    page.select_option("#preset", "")
    assert page.input_value('[data-option="ambience"]') == "0"


def test_a_preset_places_the_instruments(page):
    pytest.importorskip("torch")
    page.select_option("#upmixer", "style-vae")
    page.select_option("#preset", "concert")
    drums = page.locator('[aria-label="drums"]')
    assert drums.get_attribute("aria-valuetext") == "30 and -30 degrees"
    assert page.evaluate("document.querySelectorAll('.second[display=inline]').length") == 2
    assert "drums 30° and -30°" in page.inner_text("#stage .note")
    # Instruments in one direction do not cover each other.
    places = page.locator(".source").evaluate_all(
        "all => all.map((each) => each.getAttribute('transform'))"
    )
    assert len(set(places)) == 4
    drums.focus()
    page.keyboard.press("ArrowLeft")
    assert drums.get_attribute("aria-valuetext") == "35 degrees"
    assert page.input_value("#preset") == ""
    page.select_option("#upmixer", "ambisonizer")
    page.select_option("#preset", "background")
    assert page.locator('[aria-label="bass"]').get_attribute("aria-valuenow") == "90"
    page.select_option("#preset", "")
    assert drums.get_attribute("aria-valuetext") == "110 degrees"


def test_the_report_plays_in_the_page(page, song):
    page.set_input_files("#file", {"name": "song.wav", "mimeType": "audio/wav", "buffer": song})
    page.locator("#start:enabled").wait_for()
    page.select_option("#upmixer", "matrix")
    finish(page)
    page.click("#report summary")
    report = page.frame_locator("#report iframe")
    report.locator("button").first.wait_for()
    assert "song" in report.locator("body").inner_text()


def test_instruments_are_placed_by_drag_and_with_keys(page):
    page.set_input_files("#file", sample_path())
    page.locator("#start:enabled").wait_for()
    page.select_option("#upmixer", "style-vae")
    drums = page.locator('[aria-label="drums"]')
    box = page.locator("#stage svg").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    drums.hover()
    page.mouse.down()
    page.mouse.move(middle[0] + 100, middle[1])  # right
    page.mouse.up()
    assert drums.get_attribute("aria-valuenow") == "-90"
    page.locator('[aria-label="bass"]').focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator('[aria-label="bass"]').get_attribute("aria-valuetext") == "35 degrees"
    with page.expect_request("**/api/jobs") as request:
        page.click("#start")
    assert request.value.post_data_json["options"]["directions"] == (
        "vocals:0,drums:-90,bass:35,other:-60"
    )
    page.locator("#cancel:not([hidden])").click()
    page.locator("#state:has-text('cancelled')").wait_for()


def test_a_file_that_is_no_song_is_refused_in_one_sentence(page):
    page.set_input_files("#file", {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"text"})
    page.locator("#song.error").wait_for()
    assert page.inner_text("#song").startswith("a.wav")
    assert page.is_disabled("#start")


def test_every_control_has_a_name(page):
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("input, select, button, progress, [role=slider]")]
        .filter((each) => !(each.ariaLabel || each.labels?.length || each.textContent.trim()))
        .map((each) => each.outerHTML)"""
    )
    assert unnamed == []


def test_the_page_fits_a_phone(chromium, server):
    found = chromium.new_page(viewport={"width": 400, "height": 800})
    found.goto(server.url)
    found.locator("#upmixer option").first.wait_for(state="attached")
    found.select_option("#upmixer", "style-vae")
    assert found.evaluate("document.documentElement.scrollWidth") <= 400
    found.close()
