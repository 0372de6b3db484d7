"""Which numbers a network computes with: bfloat16 where the processor has instructions for it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from lit_transfer.errors import ConfigError

Precision = Literal["auto", "32", "bf16"]
# Flags of x86 processors, as Linux names them, with which oneDNN computes an LSTM in bfloat16 faster than in 32 bits.
BF16_FLAGS = {"avx512_bf16", "amx_bf16"}


def has_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether the processor computes with bfloat16; where the system does not tell, False."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line.partition(":")[2] for line in lines if line.lower().startswith("flags")), "")
    return not BF16_FLAGS.isdisjoint(flags.split())


def is_bf16(precision: Precision, device: torch.device) -> bool:
    """Return whether a network is to compute in bfloat16.

    Args:
        precision: `32`, `bf16`, or `auto`: bfloat16 on a CPU that computes it, else 32 bits.
        device: Device of the network.

    Raises:
        ConfigError: There is no such precision, or the processor does not have it.
    """
    if precision not in ("auto", "32", "bf16"):
        raise ConfigError(f"Expected precision auto, 32 or bf16, got {precision!r}.")
    if precision == "32" or device.type != "cpu":
        return precision == "bf16"
    has = has_bf16()
    if precision == "bf16" and not has:
        raise ConfigError(
            f"Expected a processor that computes bfloat16 ({' or '.join(sorted(BF16_FLAGS))}) for precision bf16; this one "
            "does not. Choose auto or 32."
        )
    return has
