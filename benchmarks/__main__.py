"""Command that runs benchmarks and prints their tables: ``python -m benchmarks [NAME ...]``.

``make bench`` sets OMP_NUM_THREADS=1, so that each library uses one thread.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.harness import markdown

NAMES = sorted(path.stem[6:] for path in Path(__file__).parent.glob("bench_*.py"))


def main(wanted: list[str]) -> int:
    """Print a table for each benchmark in ``wanted``, or for all if it is empty."""
    unknown = sorted(set(wanted) - set(NAMES))
    if unknown:
        print(f"unknown benchmark {unknown[0]!r}; accepted: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    start = time.perf_counter()
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {os.cpu_count()} cores")
    for name in wanted or NAMES:
        print(f"\n## {name}\n")
        print(markdown(importlib.import_module(f"benchmarks.bench_{name}").rows()), flush=True)
    print(f"\n{time.perf_counter() - start:.0f} s in total")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
