"""Speed and agreement with peers, side by side: ``make bench``."""
