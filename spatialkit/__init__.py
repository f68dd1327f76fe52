"""Spatial audio for Python."""

from spatialkit._version import __version__ as __version__
from spatialkit.layouts import AmbisonicFormat as AmbisonicFormat
from spatialkit.layouts import Layout as Layout
from spatialkit.layouts import get_layout as get_layout
from spatialkit.layouts import layout_names as layout_names
from spatialkit.panning import vbap_gains as vbap_gains
from spatialkit.panning import vbap_pan as vbap_pan
