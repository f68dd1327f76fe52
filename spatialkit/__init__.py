"""Spatial audio."""
