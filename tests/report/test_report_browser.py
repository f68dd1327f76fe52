"""Reports in headless Chromium: sound against NumPy, keys, labels, contrast."""

from __future__ import annotations

import numpy as np
import pytest

import spatialkit
from spatialkit.report import design_chain, write_report

RATE = 48000
SECONDS = 0.5


class Opened:
    """Opened report; errors of the page and requests are collected."""

    def __init__(self, browser, path, **context):
        self.context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}} | context)
        self.page = self.context.new_page()
        self.errors, self.requests = [], []
        self.page.on("console", lambda message: self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready=true]", timeout=60_000)

    def rendered(self, script="", seconds=SECONDS):
        """Return both ears (2, samples) after a script."""
        found = self.page.evaluate(
            f"async () => {{ player.matched = false; {script};"
            f"return (await player.render({seconds})).map((ear) => Array.from(ear)); }}"
        )
        return np.array(found)

    def close(self):
        assert self.errors == []
        assert all(url.startswith(("file:", "data:", "blob:")) for url in self.requests)
        self.context.close()


@pytest.fixture
def opened(chromium, tmp_path):
    """Return a function that writes and opens the report of an audio signal."""
    pages = []

    def open_report(audio, browser_options=None, **options):
        options = {"carrier": "flac", "excerpt": 1.0} | options
        write_report(tmp_path / "report.html", audio, overwrite=True, **options)
        pages.append(Opened(chromium, tmp_path / "report.html", **(browser_options or {})))
        return pages[-1]

    yield open_report
    for page in pages:
        page.close()


def sound(form, rng, level=0.1, channels=None):
    where = spatialkit.get_format(form)
    samples = level * rng.standard_normal((channels or where.n_channels, round(SECONDS * RATE)))
    return spatialkit.Audio(samples.astype(np.float32), RATE, form)


def largest_error(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize(("form", "order"), [("7.1.4", 3), ("5.1", 5), ("foa", 3), ("ambix3", 2)])
def test_the_page_renders_what_numpy_renders(opened, rng, form, order):
    """Bound: 24 bits of FLAC and float32 in the browser, 1e-5 of the peak."""
    audio = sound(form, rng)
    page = opened(audio, order=order)
    chain = design_chain(audio.format, order)
    samples = audio.samples[: chain.matrix.shape[1]]
    for yaw in (0.0, 30.0, -117.0):
        expected = chain.to_ears(samples, yaw=-yaw)
        assert largest_error(page.rendered(f"turn({{yaw: {yaw}}})"), expected) < 1e-5


def test_the_head_turns_about_all_axes(opened, rng):
    audio = sound("7.1.4", rng)
    page = opened(audio)
    yaw, pitch, roll = 40.0, 25.0, 15.0
    found = page.rendered(f"turn({{yaw: {yaw}, pitch: {pitch}, roll: {roll}}})")
    # The scene rotates by the inverse of the head, which tilts to the right by a negative roll.
    scene = spatialkit.geometry.rotation_matrix(yaw, pitch, -roll).T
    angles = {
        "yaw": np.degrees(np.arctan2(scene[1, 0], scene[0, 0])),
        "pitch": np.degrees(np.arcsin(scene[2, 0])),
        "roll": np.degrees(np.arctan2(scene[2, 1], scene[2, 2])),
    }
    np.testing.assert_allclose(spatialkit.geometry.rotation_matrix(**angles), scene, atol=1e-12)
    expected = design_chain(audio.format, 3).to_ears(audio.samples, **angles)
    assert largest_error(found, expected) < 1e-5


def test_solo_and_mute_silence_the_other_channels(opened, rng):
    audio = sound("5.1", rng)
    page = opened(audio)
    chain = design_chain(audio.format, 3)
    only = audio.samples * np.eye(6, dtype=np.float32)[4][:, None]
    page.page.click("[data-solo='4']")
    assert largest_error(page.rendered(), chain.to_ears(only)) < 1e-5
    page.page.click("[data-mute='4']")
    assert not page.rendered().any()
    page.page.click("#all")
    assert largest_error(page.rendered(), chain.to_ears(audio.samples)) < 1e-5


def test_stereo_loudspeakers_receive_the_downmix(opened, rng):
    audio = sound("7.1.4", rng)
    page = opened(audio)
    page.page.check("input[value=stereo]")
    expected = spatialkit.downmix(audio.samples, "7.1.4", "stereo")
    assert largest_error(page.rendered(), expected) < 1e-6


def test_both_versions_play_in_sync_at_the_same_loudness(opened, rng):
    upmix = sound("5.1", rng, level=0.05)
    original = sound("stereo", rng, level=0.3)
    page = opened(upmix, original=original)
    page.page.check("input[value=original]")
    assert largest_error(page.rendered(), original.samples) < 1e-6
    # With matched loudness the gains are those of BS.1770.
    heard = {
        name: np.array(page.page.evaluate(
            f"async () => {{ player.matched = true; chooseVersion('{name}');"
            "return (await player.render(0.5)).map((ear) => Array.from(ear)); }"
        ))
        for name in ("audio", "original")
    }  # fmt: skip
    levels = [float(spatialkit.metrics.loudness(each, None, RATE)) for each in heard.values()]
    assert levels[0] == pytest.approx(levels[1], abs=0.05)


def test_opus_is_decoded_without_delay(opened, rng):
    """Opus is lossy: the correlation is largest without shift, and channels are not exchanged."""
    noise = np.zeros((6, round(SECONDS * RATE)))
    for n in range(6):
        time = np.arange(noise.shape[1]) / RATE
        noise[n] = 0.2 * np.sin(2 * np.pi * (300.0 + 200.0 * n) * time)
    audio = spatialkit.Audio(noise.astype(np.float32), RATE, "5.1")
    page = opened(audio, carrier="opus")
    found = page.rendered()
    expected = design_chain(audio.format, 3).to_ears(audio.samples)
    inner = slice(4800, -4800)
    shifted = [
        np.sum(np.roll(found, shift, axis=1)[:, inner] * expected[:, inner])
        for shift in range(-5, 6)
    ]
    assert np.argmax(shifted) == 5
    error = np.sum((found - expected)[:, inner] ** 2) / np.sum(expected[:, inner] ** 2)
    assert error < 0.01  # 20 dB


def test_keys_control_playback(opened, rng):
    page = opened(sound("5.1", rng), original=sound("stereo", rng))
    keyboard, evaluate = page.page.keyboard, page.page.evaluate
    keyboard.press("Space")
    page.page.wait_for_selector("#play:has-text('Pause')")
    assert evaluate("player.context.state") == "running"
    keyboard.press("b")
    assert page.page.is_checked("input[value=original]")
    keyboard.press("b")
    assert page.page.is_checked("input[value=audio]")
    page.page.focus("#plan")
    keyboard.press("ArrowLeft")
    keyboard.press("ArrowUp")
    assert evaluate("[player.head.yaw, player.head.pitch]") == [5, 5]
    assert page.page.get_attribute("#plan", "aria-valuetext") == "5 degrees to the left"
    keyboard.press("0")
    assert evaluate("player.head.yaw") == 0
    keyboard.press("Space")
    page.page.wait_for_selector("#play:has-text('Play')")
    assert not evaluate("player.playing")


def test_meters_move_while_the_sound_plays(opened, rng):
    page = opened(sound("5.1", rng))
    page.page.click("#play")
    page.page.wait_for_selector("#plan [data-channel='0'] .sk-energy:not([r='0'])")
    page.page.wait_for_timeout(300)  # the first level is that of the fade-in
    level = page.page.eval_on_selector(
        "[data-meter='0']", "e => e.style.getPropertyValue('--level')"
    )
    # Noise of -20 dBFS on a scale of 60 dB.
    assert float(level.rstrip("%")) == pytest.approx(66.7, abs=2.0)
    # The position starts again after half a second.
    assert (
        page.page.evaluate("player.context.currentTime - player.voices.get('audio').started") > 0.1
    )


def test_the_picture_seeks(opened, rng):
    page = opened(sound("5.1", rng))
    box = page.page.locator(".timed").first.bounding_box()
    page.page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 5)
    assert page.page.evaluate("player.position") == pytest.approx(0.25, abs=0.01)


NAMES = """() => [...document.querySelectorAll("button, input, [tabindex], canvas, svg, img")]
  .filter((e) => e.offsetParent !== null || e.tagName === "svg")
  .filter((e) => !((e.getAttribute("aria-label") || "") + (e.alt || "") + (e.textContent || "")
    + [...(e.labels || [])].map((l) => l.textContent).join("")
    + (e.getAttribute("aria-labelledby") || "")).trim())
  .map((e) => e.outerHTML.slice(0, 120))"""
CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const back = (e) => {
    for (; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255, 255];
  };
  const low = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.offsetParent === null || e.closest("svg")) continue;
    const [a, b] = [luminance(rgb(getComputedStyle(e).color)), luminance(back(e))].sort();
    if ((b + 0.05) / (a + 0.05) < 4.5) low.push(e.outerHTML.slice(0, 100));
  }
  return low;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_controls_have_names_and_text_has_contrast(opened, rng, scheme):
    options = {"color_scheme": scheme}
    page = opened(sound("5.1", rng), options, original=sound("stereo", rng))
    assert page.page.evaluate(NAMES) == []
    assert page.page.evaluate(CONTRAST) == []  # WCAG 2.2, 1.4.3: 4.5 to 1


def test_the_page_fits_a_phone(opened, rng):
    page = opened(sound("9.1.6", rng), {"viewport": {"width": 400, "height": 800}})
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 400
    heights = page.page.evaluate(
        "[...document.querySelectorAll('button')].filter((b) => b.offsetParent)"
        ".map((b) => b.offsetHeight)"
    )
    assert min(heights) >= 34
