"""The models' tests are small: threads cost more than they save, most of all where others work."""

from importlib.util import find_spec

if find_spec("torch"):
    import torch

    torch.set_num_threads(1)
