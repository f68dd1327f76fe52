"""Learned upmixers for spatialkit."""
