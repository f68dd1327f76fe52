"""Make moved_rooms.npz: gains of the reference renderer of ITU-R BS.2127 in moved rooms.

Run in an environment of its own: ``pip install ear==2.1.0 && python make_moved_rooms.py``. The
loudspeakers of nine systems of ITU-R BS.2051 are moved at random, in three ways:

- "range": up to 5 degrees in azimuth and elevation, within the ranges that BS.2051 permits.
- "free": up to 5 degrees in azimuth and elevation, also outside of these ranges.
- "full": anywhere in the permitted ranges (two ranges for M+SC and M-SC).
"""

from pathlib import Path

import numpy as np
from attr import evolve
from ear.core import bs2051, point_source
from ear.core.geom import PolarPosition

SYSTEMS = ["0+5+0", "2+5+0", "4+5+0", "4+5+1", "3+7+0", "4+9+0", "9+10+3", "0+7+0", "4+7+0"]
SEEDS = {"range": (0, 1, 2, 3), "free": (4, 5), "full": (6, 7, 8)}
DIRECTIONS = 250
DEGREES = 5.0
# ear gives the screen loudspeakers one range, which includes the positions of M+030 and M-030.
SCREEN_RANGES = ((5.0, 25.0), (35.0, 60.0))


def moved(channel, kind, rng, screen):
    nominal = channel.polar_nominal_position
    angles = []
    for name in ("azimuth", "elevation"):
        low, high = getattr(channel, f"{'az' if name == 'azimuth' else 'el'}_range")
        if kind == "full" and channel.name in ("M+SC", "M-SC") and name == "azimuth":
            size = rng.uniform(*screen)
            angles.append(size if channel.name == "M+SC" else -size)
        elif kind == "full":
            angles.append(rng.uniform(low, high))
        else:
            angle = getattr(nominal, name) + rng.uniform(-DEGREES, DEGREES)
            angles.append(angle if kind == "free" else float(np.clip(angle, low, high)))
    if angles[1] > 90.0:
        angles = [angles[0] + 180.0, 180.0 - angles[1]]
    angles[0] = (angles[0] + 180.0) % 360.0 - 180.0
    return evolve(channel, polar_position=PolarPosition(*angles, distance=1.0))


def main():
    rng = np.random.default_rng(2051)
    directions = rng.normal(size=(DIRECTIONS, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    arrays = {"directions": directions}
    for system in SYSTEMS:
        layout = bs2051.get_layout(system).without_lfe
        arrays[f"labels {system}"] = np.array(layout.channel_names)
        for kind, seeds in SEEDS.items():
            for seed in seeds:
                rng = np.random.default_rng([seed, SYSTEMS.index(system)])
                screen = SCREEN_RANGES[seed % 2]
                channels = [moved(one, kind, rng, screen) for one in layout.channels]
                panner = point_source.configure(evolve(layout, channels=channels))
                room = f"{system} {kind} {seed}"
                angles = [
                    (one.polar_position.azimuth, one.polar_position.elevation) for one in channels
                ]
                # The axes of ear are x right, y front, z up.
                gains = [panner.handle(np.array([-y, x, z])) for x, y, z in directions]
                missing = sum(one is None for one in gains)
                if missing:
                    print(f"{room}: no gains for {missing} directions")
                gains = [np.full(len(channels), np.nan) if g is None else g for g in gains]
                arrays[f"angles {room}"] = np.array(angles)
                arrays[f"gains {room}"] = np.array(gains, dtype=np.float32)
                norm = np.linalg.norm(gains, axis=1)
                print(f"{room}: norm {np.nanmin(norm):.6f} to {np.nanmax(norm):.6f}")
    np.savez_compressed(Path(__file__).with_name("moved_rooms.npz"), **arrays)


if __name__ == "__main__":
    main()
