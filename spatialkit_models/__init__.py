"""Learned upmixers for spatialkit, as plug-ins; their networks need the extra ``models``."""
