"""Methods that take minutes per run: a forecast of their time before a comparison starts, and their selection by a budget."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from itertools import islice

from lit_transfer.baselines.catalogue import forecast
from lit_transfer.compare.configuration import Configuration
from lit_transfer.compare.evidence.sequential import LOOKS
from lit_transfer.compare.execution.texts import ComparedTexts
from lit_transfer.compare.plan import Plan
from lit_transfer.compare.wording import duration, listed
from lit_transfer.files.writing import atomic_write

# File of the forecasts in the output folder, so that a resumed comparison compares the same methods.
FILE = "forecast.json"


def within_budget(config: Configuration, plan: Plan, texts: ComparedTexts) -> Plan:
    """Return the plan without the methods that exceed the budget, by a forecast of those that take minutes per run.

    The methods share the budget in the configured order; methods that take seconds are not counted.

    Raises:
        ConfigError: A library of a method is not installed, or its model cannot be loaded.
    """
    seconds = _forecasts(config, plan, texts)
    if not seconds:
        return plan
    forecasts = [f"{name} takes about {duration(max(value, 1.0))}" for name, value in seconds.items()]
    print(f"Forecast on this machine: {listed(forecasts)}.", file=sys.stderr)
    left, out = config.comparison.seconds, []
    for name, value in seconds.items():
        if value > left:
            out.append(name)
        else:
            left -= value
    if not out:
        return plan
    what = listed([f"{name} (about {duration(max(seconds[name], 1.0))})" for name in out])
    note = f"Left out, since the budget is {config.comparison.budget}: {what}."
    print(note, file=sys.stderr)
    kept = [method for method in plan.methods if method.name not in out]
    return replace(plan, methods=kept, notes=[*plan.notes, note])


def _forecasts(config: Configuration, plan: Plan, texts: ComparedTexts) -> dict[str, float]:
    """Return the seconds of all runs with the configured or the first number of seeds, by method; kept for later."""
    path, seeds = config.folder / FILE, config.comparison.seeds
    known: dict[str, float] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    count = seeds if isinstance(seeds, int) else LOOKS[0]
    found, sample = dict(known), list(islice(texts.texts(), 64))
    for method in plan.methods:
        if not method.is_baseline or method.name in known:
            continue
        runs = [
            forecast(method.kind, sample, *texts.counts_of(size), texts.val_folds is not None) for size in plan.sizes
        ]
        if None not in runs:
            found[method.name] = count * sum(run for run in runs if run is not None) / config.comparison.jobs
    if found != known:
        with atomic_write(path) as file:
            json.dump(found, file, indent=2)
    names = {method.name for method in plan.methods}
    return {name: value for name, value in found.items() if name in names}
