"""A process keeps memory that arrays gave free: the next ones need not be given pages anew."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import numpy as np
from napari_cellvino.core.memory import keep_memory
if {keeps}:
    keep_memory()
def a_field():
    return [np.ones(2**20 + n, np.float32) for n in range(6)]
a_field(); a_field()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    a_field()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*, keeps: bool) -> int:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS.format(keeps=keeps)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
def test_memory_that_is_kept_is_not_asked_for_again():
    assert faults(keeps=True) < faults(keeps=False) / 10
