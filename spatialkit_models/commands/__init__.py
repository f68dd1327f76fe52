"""Commands of the learned upmixers, found by the shell through entry points."""
