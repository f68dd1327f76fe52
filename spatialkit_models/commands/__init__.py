"""Commands of the learned upmixers, registered through entry points."""
