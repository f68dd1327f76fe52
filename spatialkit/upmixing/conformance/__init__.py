"""Conformance test of upmixers, built-in or not."""

from spatialkit.upmixing.conformance.checks import check_upmixer

__all__ = ["check_upmixer"]
