"""What a recommendation of `lightning compare` costs, on small problems drawn from data sets with thousands of other texts.

    python -m benchmarks.regret train --out runs/regret --shared ../shared
    python -m benchmarks.regret judge --out runs/regret

`train` draws problems: some hundred labelled texts of a data set, in five folds. Each method is trained five times, without the
texts of one fold, and its predictions for that fold and for 2,000 other texts are stored. Problems with files in the folder are
not trained again. `judge` trains nothing: it draws from the stored predictions what a user would have seen (a test file of a few
hundred texts, or the five folds), lets each rule choose, and looks up the accuracy of the chosen method on the texts that the
user has not seen. The regret of a rule is how many points its choice lies below the best method. Writes
`benchmarks/results/regret.md`.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import yaml

from benchmarks.corpora import ROOT, SHARED
from lit_transfer.compare import run_comparison
from lit_transfer.compare.evidence.outcome import Cost, Outcome
from lit_transfer.compare.evidence.verdict import BEATEN, BEST, SizeVerdict, judge_size
from lit_transfer.compare.methods import Method
from lit_transfer.compare.wording import listed
from lit_transfer.files import atomic_write
from lit_transfer.transfer import MODES

REPORT = ROOT / "benchmarks" / "results" / "regret.md"
FOLDS, LEFT_OUT = 5, 2000
# Numbers of texts of a problem, of which each run trains and validates on four fifths.
SIZES = (150, 500, 1500)
DATA = ("trec", "sst2", "mr", "nsmc", "clinc150", "goemotions")
# Numbers of classes drawn for each problem from the data sets that have many.
CLASSES = {"clinc150": 30, "goemotions": 6}


def draw(name: str, shared: Path, size: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the texts of a problem, and texts left out of it."""
    rng = np.random.default_rng([seed, size, *name.encode()])
    files = [path for path in sorted((shared / "data" / name).glob("*.tsv")) if path.stem != "outside"]
    texts = pd.concat([pd.read_csv(file, sep="\t", quoting=3, dtype=str, keep_default_na=False) for file in files])
    texts = texts[["text", "label"]].drop_duplicates("text")
    if name == "goemotions":  # texts with one label that is not rare
        texts = texts[~texts["label"].str.contains("|", regex=False) & (texts["label"] != "neutral")]
        texts = texts[texts.groupby("label")["label"].transform("size") >= 500]
    if name in CLASSES:
        texts = texts[texts["label"].isin(rng.choice(sorted(texts["label"].unique()), CLASSES[name], replace=False))]
    texts = texts.iloc[rng.permutation(len(texts))].reset_index(drop=True)
    return texts.iloc[:size], texts.iloc[size : size + LEFT_OUT]


def folds_of(labels: Sequence[str], seed: int) -> np.ndarray:
    """Return a stratified fold for each text. *Shape:* `(texts,)`."""
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(len(labels)), np.asarray(labels)))
    folds = np.empty(len(labels), dtype=int)
    folds[order] = np.arange(len(labels)) % FOLDS
    return folds


def train(name: str, shared: Path, size: int, seed: int, out: Path) -> None:
    """Train all methods on a problem, and store their predictions."""
    path = out / f"{name}-{size}-{seed}.npz"
    if path.exists():
        return
    pool, others = draw(name, shared, size, seed)
    folds = folds_of(pool["label"].tolist(), seed)
    frames, predictions = [], []
    for fold in range(FOLDS):
        folder = out / "work"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        kept = pool[folds != fold]
        # Classes outside the training texts cannot be read; their texts are counted as wrong below.
        known = set(kept["label"])
        test = pd.concat([pool[folds == fold], others])
        readable = test["label"].isin(known).to_numpy()
        write(folder / "train.tsv", kept)
        write(folder / "test.tsv", test[readable])
        frame, _ = run_comparison(configuration(name, shared, folder, FOLDS * seed + fold + 1))
        frames.append(frame)
        predictions.append(right_of(folder / "out", frame, test["label"].to_numpy(), readable))
    right = np.stack(predictions, axis=1)  # (methods, folds, texts)
    own = np.full((len(right), FOLDS, size), -1, dtype=np.int8)
    for fold in range(FOLDS):
        rows = np.flatnonzero(folds == fold)
        own[:, fold, rows] = right[:, fold][:, : len(rows)]
    left_out = np.stack([right[:, fold][:, (folds == fold).sum() :] for fold in range(FOLDS)], axis=1)
    rows = pd.concat(frames)
    figures = {
        key: np.stack([rows[rows["way"] == way][key].to_numpy(dtype=float) for way in frames[0]["way"]])
        for key in ("seconds", "predict_texts_per_second", "trainable_parameters", "best_score", "size_bytes")
    }
    np.savez_compressed(
        path, ways=frames[0]["way"].to_numpy(dtype=str), own=own, left_out=left_out, folds=folds, **figures
    )
    print(
        path.name,
        {w: round(100 * a, 1) for w, a in zip(frames[0]["way"], left_out.mean((1, 2)), strict=True)},
        flush=True,
    )


def write(path: Path, texts: pd.DataFrame) -> None:
    """Write texts and labels as TSV, in which a quote is an ordinary character."""
    rows = [f"{text}\t{label}" for text, label in zip(texts["text"], texts["label"], strict=True)]
    path.write_text("\n".join(["text\tlabel", *rows, ""]), encoding="utf-8")


def right_of(out: Path, frame: pd.DataFrame, labels: np.ndarray, readable: np.ndarray) -> np.ndarray:
    """Return which test texts each method classifies correctly; unreadable texts count as wrong. *Shape:* `(methods, texts)`."""
    names = np.array([column.removeprefix("f1_") for column in frame.columns if column.startswith("f1_")])
    table = np.zeros((len(frame), len(labels)), dtype=np.int8)
    for row, (run, accuracy) in enumerate(zip(frame["run"], frame["accuracy"], strict=True)):
        with np.load(out / "rows" / f"{run}.npz") as arrays:
            right = names[arrays["predicted"]] == labels[readable]
        assert abs(right.mean() - accuracy) < 1e-6
        table[row, readable] = right
    return table


def configuration(name: str, shared: Path, folder: Path, seed: int) -> dict[str, object]:
    """Return the configuration of the demo for the texts of a fold, with one seed, and a smaller network with fewer epochs."""
    config = yaml.safe_load((ROOT / "configs" / "compare.yaml").read_text(encoding="utf-8"))
    korean = name == "nsmc"
    vectors = str(shared / "vectors" / "ko.reviews.100d.pruned.vec.gz") if korean else "glove-6b-50d"
    config["seed_everything"] = seed
    config["trainer"] |= {"logger": False, "precision": "bf16-mixed"}
    config["model"]["init_args"]["hidden_size"] = 64
    config["trainer"]["max_epochs"] = 10
    config["trainer"]["callbacks"][0]["init_args"]["patience"] = 3
    config["compare"] |= {
        "seeds": 1,
        "train_sizes": [None],
        "modes": ["random", "init", "frozen"],
        "vectors": [vectors],
        "baselines": ["majority", "tfidf", "tfidf:characters", "mean"],
        "output_dir": str(folder / "out"),
        "jobs": 1,
    }
    config["data"]["init_args"] = {
        "train_file": str(folder / "train.tsv"),
        "test_file": str(folder / "test.tsv"),
        "val_fraction": 0.1,
        "tokenizer": "words" if korean else "basic_english",
        "batch_size": 50,
    }
    return config


class Problem(NamedTuple):
    """What is known of a problem.

    Attributes:
        name: Name of the file.
        methods: The methods.
        own: Whether each method is right on the texts of the problem; -1 outside the fold. *Shape:* `(methods, folds, texts)`.
        left_out: Whether it is right on texts left out. *Shape:* `(methods, folds, texts)`.
        costs: Cost of each method, by name.
        parameters: Mean number of trainable parameters, by name.
        validation: Mean validation score of each network, by name.
    """

    name: str
    methods: list[Method]
    own: np.ndarray
    left_out: np.ndarray
    costs: dict[str, Cost]
    parameters: dict[str, float]
    validation: dict[str, float]


def read(path: Path) -> Problem:
    """Read the stored predictions of a problem."""
    with np.load(path) as arrays:
        names = arrays["ways"].tolist()
        seconds, speed = arrays["seconds"].mean(1), arrays["predict_texts_per_second"].mean(1)
        methods = [
            Method(name, name.replace("tfidf characters", "tfidf:characters"), "v", is_baseline=name not in MODES)
            for name in names
        ]
        costs = {name: Cost(a, 1 / b) for name, a, b in zip(names, seconds, speed, strict=True)}
        scores = dict(zip(names, arrays["best_score"].mean(1), strict=True))
        return Problem(
            path.stem,
            methods,
            arrays["own"],
            arrays["left_out"],
            costs,
            dict(zip(names, arrays["trainable_parameters"].mean(1), strict=True)),
            {name: score for name, score in scores.items() if np.isfinite(score)},
        )


def earlier_rule(size: SizeVerdict, parameters: Mapping[str, float]) -> str:
    """Choose as versions up to 0.1.1 did: the fewest parameters of all methods not shown to be worse by half a point."""
    worse = {
        pair.second
        for pair in size.pairs
        if {BEST, BEATEN} & set(pair.questions) and pair.testable and pair.difference.low > size.smallest
    }
    if size.beats_guessing:
        worse.add(str(size.guess))
    kept = [name for name in size.scores if name not in worse]
    return min(kept, key=lambda name: (parameters[name], size.costs[name].seconds))


def choices(problem: Problem, size: SizeVerdict) -> dict[str, str]:
    """Return the choice of each rule."""
    return {
        "expected loss (ours)": size.recommended,
        "highest test mean": size.best,
        "highest validation score of a network": max(problem.validation, key=lambda name: problem.validation[name]),
        "always init": "init",
        "always TF-IDF": "tfidf",
        "cheapest not shown to be worse (0.1.1)": earlier_rule(size, problem.parameters),
    }


class Seen(NamedTuple):
    """What a rule chose, and what the left-out texts say of it."""

    rule: str
    regret: float
    cost: float


def judge_problem(problem: Problem, count: int | None, rng: np.random.Generator) -> tuple[list[Seen], np.ndarray]:
    """Judge a problem by `count` test texts, or by its folds.

    Returns:
        The choices, and for each pair of methods whether its difference is shown, whether it is shown although the left-out
        texts say the opposite, and whether its interval contains the difference on the left-out texts. *Shape:* `(pairs, 3)`.
    """
    total = problem.left_out.shape[2]
    if count is None:
        seen, rest = problem.own.astype(float), np.arange(total)
        tested = seen[0] >= 0
        outcomes = [
            Outcome(method, right.astype(int), right > 0, None, tested)
            for method, right in zip(problem.methods, seen, strict=True)
        ]
    else:
        order = rng.permutation(total)
        rows, rest = order[:count], order[count:]
        outcomes = [
            Outcome(method, right[:, rows].astype(int), right[:, rows] > 0)
            for method, right in zip(problem.methods, problem.left_out, strict=True)
        ]
    size = judge_size(0, True, outcomes, 0.5, problem.costs)
    truth = {
        method.name: float(right[:, rest].mean())
        for method, right in zip(problem.methods, problem.left_out, strict=True)
    }
    best = max(truth.values())
    seen_by = [
        Seen(rule, 100 * (best - truth[name]), problem.costs[name].total)
        for rule, name in choices(problem, size).items()
    ]
    pairs = []
    for pair in size.pairs:
        true = truth[pair.first] - truth[pair.second]
        low, high = pair.difference.low, pair.difference.high
        pairs.append((pair.shown, pair.shown and (true > 0) != (low > 0), low <= true <= high))
    return seen_by, np.array(pairs, dtype=float)


def report(problems: Sequence[Problem], draws: int) -> list[str]:
    """Return the tables: regret and cost of each rule, and how often intervals are right."""
    rng, lines, tests = np.random.default_rng(0), [], []
    head = "| rule | mean regret | 95 % quantile | largest | mean cost, s |"
    for count in (150, 400, 1000, None):
        seen, pairs = [], []
        for problem in problems:
            for _ in range(1 if count is None else draws):
                found, claims = judge_problem(problem, count, rng)
                seen += found
                pairs.append(claims)
        what = "Five folds of the problem's own texts" if count is None else f"{count:,} test texts"
        lines += ["", f"## {what}", "", head, "|---|---|---|---|---|"]
        for rule in dict.fromkeys(one.rule for one in seen):
            regrets = np.array([one.regret for one in seen if one.rule == rule])
            cost = np.mean([one.cost for one in seen if one.rule == rule])
            lines.append(
                f"| {rule} | {regrets.mean():.2f} | {np.quantile(regrets, 0.95):.1f} | {regrets.max():.1f} | {cost:.0f} |"
            )
        together = np.concatenate(pairs)
        wrong = np.mean([(claims[:, 1] > 0).any() for claims in pairs])
        tests.append(
            f"| {what} | {100 * together[:, 0].mean():.0f} | {100 * wrong:.1f} | {100 * together[:, 2].mean():.1f} |"
        )
    return [
        *lines,
        "",
        "## Tests",
        "",
        "| | differences shown, % | comparisons with a claim that the left-out texts contradict, % | intervals that contain the "
        "difference on the left-out texts, % |",
        "|---|---|---|---|",
        *tests,
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the methods on the problems, or judge the rules."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.regret", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=["train", "judge"])
    parser.add_argument("--out", type=Path, default=Path("runs", "regret"), help="folder of the stored predictions")
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ and vectors/")
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=DATA)
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--problems", type=int, default=2, help="problems of each data set and size")
    parser.add_argument("--draws", type=int, default=40, help="draws of test texts for each problem")
    given = parser.parse_args(arguments)
    if given.step == "train":
        for seed in range(given.problems):
            for size in given.sizes:
                for name in given.data:
                    train(name, given.shared.resolve(), size, seed, given.out)
        return
    problems = [read(path) for path in sorted(given.out.glob("*.npz"))]
    names, sizes = ({one.name.split("-")[place] for one in problems} for place in (0, 1))
    body = report(problems, given.draws)
    print("\n".join(body))
    head = [
        "# What the recommendation costs",
        "",
        f"Written by `python -m benchmarks.regret`: {len(problems)} problems of {listed(sorted(sizes))} texts of "
        f"{listed(sorted(names))}; with test files, {given.draws} draws of test texts of each. Regret: points below the best "
        "method on the texts left out. Cost: training and the prediction of 100,000 texts. Networks of 64 units and at most ten "
        "epochs, beside majority, TF-IDF of words and of characters, and mean vectors.",
    ]
    with atomic_write(REPORT) as file:
        file.write("\n".join([*head, *body]) + "\n")


if __name__ == "__main__":
    main()
