"""Demonstration for ``make demo``: upmix the bundled excerpt and measure the results."""

import sys
import textwrap
import time
from pathlib import Path

import numpy as np

import spatialkit
from spatialkit import metrics
from spatialkit.errors import UpmixerError

# Directions of the instruments for the neural upmixer, in degrees.
DIRECTIONS = "vocals:0,drums:45/-45,bass:0,other:110/-110"
# File name, upmixer, options.
UPMIXES = (
    ("francium-5.1.wav", "ambience", {"layout": "5.1"}),
    ("francium-7.1.4.wav", "ambience", {"layout": "7.1.4"}),
    ("francium-style-vae-5.0.wav", "style-vae", {"layout": "5.0", "directions": DIRECTIONS}),
)


def main(folder: Path) -> None:
    """Upmix the excerpt, write the files to ``folder`` and print measurements."""
    song = spatialkit.read(spatialkit.sample_path())
    seconds = song.samples.shape[1] / song.sample_rate
    loudness = float(metrics.loudness(song.samples, "stereo", song.sample_rate))
    print("Francium by Software-Entwicklungskit (CC0), an excerpt: ", end="")
    print(f"{seconds:.0f} s, {song.sample_rate} Hz, stereo, {loudness:.1f} LUFS\n")
    folder.mkdir(parents=True, exist_ok=True)
    for name, upmixer_name, options in UPMIXES:
        try:
            upmixer = spatialkit.get_upmixer(upmixer_name, **options)
        except UpmixerError as error:
            print(f"skipped {name}: {error}\n")
            continue
        # The first call after an installation compiles kernels; it is not timed.
        upmixer.upmix(song.samples[:, :4096], song.sample_rate)
        start = time.perf_counter()
        upmix = upmixer.upmix(song.samples, song.sample_rate)
        duration = time.perf_counter() - start
        path, layout = folder / name, upmixer.format.name
        spatialkit.write(path, upmix, song.sample_rate, format=layout, overwrite=True)
        print(f"{layout} by {upmixer_name!r} in {1000 * duration:.0f} ms: {path}")
        if "directions" in options:
            print(f"  directions       {options['directions']}")
        describe(song, upmix, layout)
    # Files instead of arrays: the report then contains their checksums.
    report = spatialkit.write_report(
        folder / "report.html",
        folder / "francium-7.1.4.wav",
        original=spatialkit.sample_path(),
        title="Francium, upmixed to 7.1.4",
        settings={"upmixer": "ambience", "layout": "7.1.4"},
        overwrite=True,
    )
    print("Listen on headphones: open this report in a browser (it needs no network)")
    print(report.path)


def describe(song: spatialkit.Audio, upmix: np.ndarray, layout: str) -> None:
    """Print the levels and metrics of an upmix."""
    labels = spatialkit.get_layout(layout).labels
    power = np.mean(upmix.astype(np.float64) ** 2, axis=1)
    levels = [f"{name} {10 * np.log10(p):.1f}" for name, p in zip(labels, power) if p > 0]
    silent = [name for name, p in zip(labels, power) if p == 0]
    loudness = float(metrics.loudness(upmix, layout, song.sample_rate))
    peak = float(metrics.true_peak(upmix, song.sample_rate))
    downmix_snr = float(metrics.downmix_error(upmix, song.samples, layout))
    energy_vector = metrics.energy_vector(upmix, layout)
    lines = textwrap.wrap(f"{', '.join(levels)}; silent: {', '.join(silent) or 'none'}", 60)
    print("  levels, dBFS     " + ("\n" + 19 * " ").join(lines))
    print(f"  loudness         {loudness:.1f} LUFS, true peak {peak:.1f} dBTP")
    print(f"  downmix (itu)    {downmix_snr:.0f} dB SNR against the original")
    print(f"  energy vector    x {energy_vector[0]:.2f} (front), length ", end="")
    print(f"{np.linalg.norm(energy_vector):.2f} (1: one loudspeaker, 0: diffuse)\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output").resolve())
