"""Block processors for games, installations and plug-in hosts: state, but no clicks.

Each processor receives successive blocks of any size and returns as many samples. Parameters such
as directions may change with every block: gains follow them in ramps. Not imported by
``import spatialkit``.
"""

from spatialkit.realtime.ambisonics import DecoderProcessor, EncoderProcessor, RotatorProcessor
from spatialkit.realtime.binaural import BinauralProcessor
from spatialkit.realtime.chaining import chain
from spatialkit.realtime.panning import PannerProcessor
from spatialkit.realtime.processor import Processor
from spatialkit.realtime.setups import SetupProcessor

__all__ = [
    "BinauralProcessor",
    "DecoderProcessor",
    "EncoderProcessor",
    "PannerProcessor",
    "Processor",
    "RotatorProcessor",
    "SetupProcessor",
    "chain",
]
