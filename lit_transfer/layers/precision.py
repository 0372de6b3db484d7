"""Numeric precision of inference: bfloat16 on processors with instructions for it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from lit_transfer.errors import ConfigError

Precision = Literal["auto", "32", "bf16"]
# Flags of x86 processors in Linux for which oneDNN computes an LSTM faster in bfloat16 than in 32 bits.
BF16_FLAGS = {"avx512_bf16", "amx_bf16"}


def has_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether the processor supports bfloat16; False if unknown."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line.partition(":")[2] for line in lines if line.lower().startswith("flags")), "")
    return not BF16_FLAGS.isdisjoint(flags.split())


def is_bf16(precision: Precision, device: torch.device) -> bool:
    """Return whether a network should compute in bfloat16; `auto` means on a CPU that supports it.

    Raises:
        ConfigError: The precision is unknown, or the processor does not support it.
    """
    if precision not in ("auto", "32", "bf16"):
        raise ConfigError(f"Expected precision auto, 32 or bf16, got {precision!r}.")
    if precision == "32" or device.type != "cpu":
        return precision == "bf16"
    has = has_bf16()
    if precision == "bf16" and not has:
        raise ConfigError(
            f"The precision is bf16, but the processor does not support bfloat16; expected the flag "
            f"{' or '.join(sorted(BF16_FLAGS))}. Choose auto or 32."
        )
    return has
