"""Does choosing the texts help? Simulated labellers answer as in `lightning label`, by ways of choosing the next text.

    python -m benchmarks.labelling --shared ../shared

Every fifth answer is a random text, on which the accuracy is measured, and the other four are chosen by: ours (a varied batch,
then the smallest margin), random, entropy, and strategies of small-text 1.4, if it is installed (pip install --no-deps small-text
dill), which start with random texts. The model is that of `lightning label`, trained again after each ten answers. States are
mean GloVe vectors beside the words of the texts themselves (word vectors of reviews for NSMC). A labeller with 5 % errors answers
so many texts with a random other class, on GoEmotions with the emotions of another text. Accuracy is that on held-out texts with
their true labels; on GoEmotions, that of the whole set of emotions.

Other encoders, without wrong answers, for our choice and random:

    python -m benchmarks.labelling --data mr --encoder "adapted vectors" --path adapted.vec
    python -m benchmarks.labelling --data mr --encoder "pretrained network" --path pretrained.ckpt

Simulations are stored, so that an interrupted run goes on; the report is written from all that are. Without names of data sets,
`--data` only writes it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.corpora import ROOT, SHARED
from benchmarks.labelling_report import ERRORS, NAMES, Key, Store, report
from benchmarks.labelling_sessions import (
    FURTHER_SEEDS,
    SEEDS,
    Choose,
    World,
    at_random,
    by_entropy,
    by_small_text,
    label,
    ours,
    read_world,
    stop,
)
from lit_transfer.curation.labelling.outlook import AGREEMENT
from lit_transfer.files import atomic_write

REPORT = ROOT / "benchmarks" / "results" / "labelling.md"
# Strategies of small-text: by uncertainty, by neighbours with other probabilities, and by the clusters of the states.
SMALL_TEXT = ("BreakingTies", "ContrastiveActiveLearning", "EmbeddingKMeans")
# Ways of choosing the next text, with the first texts.
WAYS: dict[str, tuple[Choose | None, str]] = {
    "ours": (ours, "varied"),
    "random": (at_random, "random"),
    "entropy": (by_entropy, "random"),
    **{f"small-text {name}": (by_small_text(name), "random") for name in SMALL_TEXT},
}


def simulate(world: World, given: argparse.Namespace, store: Store) -> None:
    """Run all ways on a data set, as far as they are not stored.

    Args:
        world: The texts.
        given: The arguments. With another encoder, only our choice and random are run, without wrong answers.
        store: Where the simulations are stored.
    """
    usual, several = given.encoder is None, world.task.several
    store.add(Key(world.name, "texts"), lambda: facts_of(world))
    for errors in ERRORS if usual else ERRORS[:1]:
        for name, (choose, start) in WAYS.items():
            main = name in ("ours", "random")
            if choose is None or (not main and (errors or not usual)):
                continue
            if several and name.startswith("small-text"):
                continue  # its strategies have one label for each text
            more = given.sessions if usual and not errors and main else 0
            for seed in [*range(given.seeds), *range(FURTHER_SEEDS, FURTHER_SEEDS + more)]:
                store.add(
                    Key(world.name, name, errors, seed),
                    lambda choose=choose, errors=errors, seed=seed, start=start: vars(
                        label(world, choose, errors, seed, start)
                    ),
                )
            print(world.name, f"{100 * errors:.0f} % wrong answers", name, flush=True)
    for seed in range(given.seeds):
        store.add(
            Key(world.name, "choosing", 0.0, seed), lambda seed=seed: label(world, ours, 0.0, seed, "varied").choosing
        )
    for seed in range(given.stops if usual and not several else 0):
        store.add(Key(world.name, "stop", AGREEMENT, seed), lambda seed=seed: stop(world, seed))


def facts_of(world: World) -> dict[str, float]:
    """Return what the report says of the texts."""
    shares = world.task.counts(world.truth) / len(world.truth)
    return {
        "texts": len(world.truth),
        "classes": len(shares),
        "smallest": float(shares.min()),
        "several": world.task.several,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulations, and write the report."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.labelling", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="*", default=list(NAMES), choices=NAMES, help="none: only writes the report")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--sessions", type=int, default=40, help="further sessions of ours and random without errors")
    parser.add_argument("--stops", type=int, default=3, help="sessions that go on until the page says to stop")
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ and vectors/")
    parser.add_argument("--encoder", help="name of another encoder")
    parser.add_argument("--path", help="its file: word vectors, or a checkpoint")
    parser.add_argument("--out", type=Path, default=REPORT)
    parser.add_argument("--runs", type=Path, default=Path("runs", "labelling.jsonl"), help="finished simulations")
    given = parser.parse_args(arguments)
    store = Store(given.runs)
    for name in given.data:
        simulate(read_world(name, given.shared.resolve(), given.encoder, given.path), given, store)
        write(store, given.out)
    write(store, given.out)


def write(store: Store, path: Path) -> None:
    """Write the report of all simulations."""
    with atomic_write(path) as file:
        file.write(report(store))


if __name__ == "__main__":
    main()
