"""`lightning doctor`: versions, processor, cache, extras, and a test of the installation, as in the issue template."""

from __future__ import annotations

import os
import platform
import re
import tempfile
import time
import warnings
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import TYPE_CHECKING

import torch

import lit_transfer
from lit_transfer.cache import default_folder
from lit_transfer.console import print_summary
from lit_transfer.layers.precision import has_bf16

if TYPE_CHECKING:
    from lit_transfer.estimator import TextTransferClassifier

# The libraries that an answer may depend on.
LIBRARIES = (
    "torch",
    "lightning",
    "torchmetrics",
    "jsonargparse",
    "numpy",
    "scikit-learn",
    "pandas",
    "pyarrow",
    "gensim",
)
# Extras without packages that are specific to them.
NOT_LISTED = ("dev", "docs", "compare")


def doctor(*, self_test: bool = True) -> None:
    """Show versions, processor, cache and extras, and test the installation.

    Examples:
      lightning doctor

    Args:
        self_test: Whether a small model is trained and used, which takes seconds.

    Raises:
        LitTransferError: The self-test failed.
    """
    cache = default_folder()
    size = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file()) if cache else 0
    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    print_summary(
        [
            ("lit_transfer", lit_transfer.__version__),
            ("python", f"{platform.python_version()}, {platform.platform()}"),
            ("libraries", ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)),
            ("processor", f"{_processor()}, {os.cpu_count()} threads, of which torch uses {torch.get_num_threads()}"),
            ("instructions", f"{torch.backends.cpu.get_cpu_capability()}, bfloat16: {'yes' if has_bf16() else 'no'}"),
            ("GPU", ", ".join(gpus) or "none"),
            ("cache", f"{cache}, {size / 1e6:,.1f} MB; to clear it, delete the folder"),
            *(("extra " + name, state) for name, state in _extras().items()),
        ]
    )
    if self_test:
        from lit_transfer.estimator import TextTransferClassifier  # loads Lightning and scikit-learn

        start = time.perf_counter()
        accuracy = _self_test(TextTransferClassifier)
        seconds = time.perf_counter() - start
        print_summary([("self-test", f"passed in {seconds:.1f} s: trained, stored, loaded; accuracy {accuracy:.0%}")])


def _self_test(estimator: type[TextTransferClassifier]) -> float:
    """Train a model on a few sentences, store and load it, and return its accuracy on these sentences."""
    words = {"good": ("fine", "great", "lovely"), "bad": ("poor", "dull", "awful")}
    pairs = [(f"a {word} film number {n}", label) for label, all_ in words.items() for word in all_ for n in range(10)]
    texts, labels = [text for text, _ in pairs], [label for _, label in pairs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = estimator("random", hidden_size=8, lr=0.05, max_epochs=4, random_state=0).fit(texts, labels)
        with tempfile.TemporaryDirectory() as folder:
            model.model_.save_pretrained(folder)
            found = lit_transfer.load(folder).predict(texts)
    return sum(one == label for one, label in zip(found, labels, strict=True)) / len(labels)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    """Return the name of the processor, of which Python knows only the family on Linux."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", info.read_text()) if info.is_file() else None
    return found[1] if found else platform.processor() or platform.machine()


def _extras() -> dict[str, str]:
    """Return, for each extra, whether its packages are installed, or which are not."""
    wanted: dict[str, list[str]] = {}
    for line in distribution("lit_transfer").requires or []:
        name = re.match(r"[\w.-]+", line)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        if name and extra and extra[1] not in NOT_LISTED and name[0] != "lit_transfer":
            wanted.setdefault(extra[1], []).append(name[0])
    states = {}
    for key, names in wanted.items():
        missing = [name for name in names if _version(name) == "not installed"]
        states[key] = f'pip install "lit_transfer[{key}]" (without {", ".join(missing)})' if missing else "installed"
    return states
