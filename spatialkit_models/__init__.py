"""Learned upmixers for spatialkit, as plug-ins; their networks need ``spatialkit[models]``."""
