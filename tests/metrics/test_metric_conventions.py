"""The page that compares metrics with other libraries: every block runs, every entry is current."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spatialkit import metrics

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "metric-conventions.md"
if not PAGE.exists():
    pytest.skip("the documents are in the source tree", allow_module_level=True)
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?:<!-- peer: ([^\n]*) -->\n)?```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("number", range(1, len(BLOCKS)))
def test_each_block_runs_if_its_library_is_installed(number):
    """Each block sees the signals of the first one, and the blocks before it of its library."""
    peers, code = BLOCKS[number]
    for peer in filter(None, peers.split(", ")):
        pytest.importorskip(peer)
    namespace = {}
    earlier = [text for names, text in BLOCKS[1:number] if names == peers and peers]
    for text in (BLOCKS[0][1], *earlier, code):
        exec(compile(text, str(PAGE), "exec"), namespace)
    assert "equal(" in code


def test_every_metric_has_its_citation_and_every_entry_is_on_the_page():
    for name in metrics.METRICS:
        assert f"| `{name}` | `{metrics.citation(name)}` |" in TEXT
    entries = metrics.bibtex(statistics=True)
    assert entries[: entries.index("@software")].rstrip() in TEXT
