"""Conformance test of upmixers, built-in or not."""

from spatialkit.upmixing.conformance.checks import CheckResult, check_upmixer

__all__ = ["CheckResult", "check_upmixer"]
