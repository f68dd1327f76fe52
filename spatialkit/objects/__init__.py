"""Audio objects and beds: scenes of both, their rendering, and ADM files."""

from spatialkit.files.adm import Blocks
from spatialkit.objects.files import read_adm, write_adm
from spatialkit.objects.gains import object_gains
from spatialkit.objects.rendering import render_objects
from spatialkit.objects.scene import AudioObject, ObjectScene, blocks_along

__all__ = [
    "AudioObject",
    "Blocks",
    "ObjectScene",
    "blocks_along",
    "object_gains",
    "read_adm",
    "render_objects",
    "write_adm",
]
