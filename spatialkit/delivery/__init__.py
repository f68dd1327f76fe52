"""Output formats whose metadata contains measurements: IAMF with the loudness of its mix."""

from spatialkit.delivery.iamf import MixMeter, ambisonic_matrix, iamf_encoder

__all__ = ["MixMeter", "ambisonic_matrix", "iamf_encoder"]
