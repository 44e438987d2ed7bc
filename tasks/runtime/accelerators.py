"""Tells whether this machine has a GPU, without the seconds that TensorFlow takes to say so."""

from __future__ import annotations

import os
from pathlib import Path

# Of NVIDIA's and of AMD's drivers.
DEVICES = (Path("/dev/nvidiactl"), Path("/dev/kfd"))
HIDDEN = ("", "-1")


def has_gpu() -> bool:
    """Return whether a training on this machine will probably use a GPU.

    False among several workers (TF_CONFIG): all of them must come to the same answer.
    """
    if "TF_CONFIG" in os.environ or os.environ.get("CUDA_VISIBLE_DEVICES") in HIDDEN:
        return False
    return any(device.exists() for device in DEVICES)
