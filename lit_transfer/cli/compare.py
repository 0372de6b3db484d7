"""`lightning compare`: compare transfer modes on your data, see `lit_transfer.compare`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from lit_transfer.compare.arguments import Comparison
from lit_transfer.compare.comparison import finish
from lit_transfer.compare.configuration import Configuration, parse_arguments
from lit_transfer.compare.execution.schedule import threads_per_run
from lit_transfer.compare.recommended import next_steps
from lit_transfer.compare.terminal import terminal_table
from lit_transfer.config.help import page_of
from lit_transfer.console import print_commands
from lit_transfer.escaping import printable, printable_lines
from lit_transfer.layers.precision import has_bf16

# Maximum number of parallel runs to suggest, since each needs memory for its texts and vectors.
MOST_JOBS = 8

HELP = {
    "compare": page_of(
        """Compare transfer modes and baselines on your data, and test the differences for significance.

Examples:
  lightning compare --config my.yaml --compare.seeds 3 --compare.train_sizes "[100, null]\"""",
        compare=Comparison,
    )
}


def main(args: Sequence[str] | None = None) -> None:
    """Run the comparison and print the recommendation and the table.

    Raises:
        LitTransferError: The configuration or the data are invalid, or a run failed.
    """
    if HELP["compare"].shown("compare", args or ()):
        return
    config = parse_arguments(args)
    for hint in (jobs_hint(config), precision_hint(config)):
        if hint:
            print(hint, file=sys.stderr)
    try:
        results = finish(config)
    except KeyboardInterrupt:
        print(f"\nStopped. Run the same command again to continue from {config.folder}.", file=sys.stderr)
        sys.exit(130)
    console, verdict = Console(), results.verdict
    for i, sentence in enumerate(verdict.answer()):
        console.print(Text(printable_lines(sentence), style="bold" if i == 0 else ""))
    console.print(terminal_table(results, console.width))
    for note in verdict.notes:
        console.print(Text(note))
    for size in verdict.sizes:
        console.print(Text(printable_lines("\n".join(size.sentences()))))
    console.print(Text.assemble(("report", "bold"), f"  {printable(str(results.report))}"), soft_wrap=True)
    if config.comparison.deliver:
        print_commands(next_steps(results))


def jobs_hint(config: Configuration) -> str:
    """Return a hint at `jobs` if a new comparison trains one run after another on several CPUs; else an empty string."""
    processors = min(threads_per_run(1), MOST_JOBS)
    comparison = config.comparison
    if comparison.jobs > 1 or comparison.engine != "local" or processors < 2 or not _is_new_on_cpu(config):
        return ""
    return f"--compare.jobs {processors} trains {processors} runs at the same time, each on a processor of its own."


def _is_new_on_cpu(config: Configuration) -> bool:
    """Return whether nothing of a comparison is there yet, and it runs on the CPU."""
    import torch

    accelerator = config.trainer.get("accelerator")
    on_cpu = accelerator == "cpu" or (accelerator == "auto" and not torch.cuda.is_available())
    return on_cpu and not config.folder.exists()


def precision_hint(config: Configuration) -> str:
    """Return a hint at bfloat16 if a new comparison would be faster in it on this CPU; else an empty string."""
    full = str(config.trainer.get("precision") or "32-true") in ("32", "32-true")
    one_thread = threads_per_run(config.comparison.jobs) == 1  # with more, bfloat16 is not faster (docs/scaling.md)
    if not (full and one_thread and has_bf16() and _is_new_on_cpu(config)):
        return ""
    return "This processor computes in bfloat16: --trainer.precision bf16-mixed takes about two thirds of the time."
