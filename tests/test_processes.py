"""Training, evaluation and prediction in several processes equal those in a single process with the same batches."""

import csv
import os
import subprocess
import sys
from collections import Counter

import pytest
import torch

from lit_transfer import TextClassifier
from lit_transfer.cli.main import main
from lit_transfer.transfer import MODES
from tests.conftest import ROOT
from tests.prepared import Prepared
from tests.processes import (
    CASES,
    RANKS,
    SPLITS,
    data_of,
    evaluate,
    free_port,
    on_ranks,
    pretrain,
    run_processes,
    start_softmax,
    train,
    train_several,
    write_files,
)
from tests.samples import make_trainer


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Return the results of each rank; the processes are started once for all tests."""
    folder = tmp_path_factory.mktemp("processes")
    write_files(folder)
    trainer = make_trainer(folder)
    trainer.fit(TextClassifier(hidden_size=8, lr=0.01), data_of(folder, 1))
    trainer.save_checkpoint(folder / "one.ckpt")
    run_processes(on_ranks, folder, free_port())
    return folder, [torch.load(folder / f"rank{rank}.pt") for rank in range(RANKS)]


@pytest.mark.parametrize(("mode", "sparse"), CASES)
def test_gradients_and_weights_of_two_processes_are_those_of_one_with_the_joint_batch(seen, mode, sparse):
    folder, ranks = seen
    one, two = train(folder, mode, sparse, 1), [rank[f"{mode} {sparse}"] for rank in ranks]
    assert one["gradients"] and len(one["gradients"]) == len(two[0]["gradients"])
    assert ("embedding.weight" in one["gradients"][0]) == (mode in ("random", "init"))
    assert ("embedding.weight" in one["gradients"][-1]) == (mode != "frozen")  # slow is trained from the second epoch
    for step, (ours, first, second) in enumerate(
        zip(one["gradients"], two[0]["gradients"], two[1]["gradients"], strict=True)
    ):
        assert ours.keys() == first.keys() == second.keys()
        for name, gradient in ours.items():
            assert torch.equal(first[name], second[name]), (step, name)
            torch.testing.assert_close(first[name], gradient, rtol=1e-3, atol=2e-6, msg=f"step {step}, {name}")
    for name, weight in one["weights"].items():
        assert torch.equal(two[0]["weights"][name], two[1]["weights"][name])
        torch.testing.assert_close(two[0]["weights"][name], weight, rtol=1e-3, atol=1e-4)
    for name in ("train_loss", "val_loss", "val_accuracy", "val_f1"):
        assert two[0]["metrics"][name] == pytest.approx(one["metrics"][name], abs=1e-4), name
        assert two[0]["metrics"][name] == two[1]["metrics"][name]


@pytest.mark.parametrize("mode", MODES)
def test_several_labels_are_learned_and_decided_in_two_processes_as_in_one(seen, mode):
    folder, (first, second) = seen
    one, two = train_several(folder, mode, 1), first["several"][mode]
    for name, weight in one["weights"].items():
        assert torch.equal(two["weights"][name], second["several"][mode]["weights"][name]), name
        torch.testing.assert_close(two["weights"][name], weight, rtol=1e-3, atol=1e-4, msg=name)
    assert two["metrics"] == second["several"][mode]["metrics"]
    for name in ("train_loss", "val_loss", "val_accuracy", "val_f1", "val_f1_micro", "val_average_precision"):
        assert two["metrics"][name] == pytest.approx(one["metrics"][name], abs=1e-4), name
    # The thresholds are those of the validation texts of both processes.
    assert two["calibration"] == second["several"][mode]["calibration"]
    assert two["calibration"]["temperature"] == pytest.approx(one["calibration"]["temperature"], abs=1e-3)
    assert two["calibration"]["threshold"] == pytest.approx(one["calibration"]["threshold"], abs=1e-3)


def test_the_softmax_layer_starts_in_two_processes_as_in_one_by_the_texts_of_both(seen):
    folder, (first, second) = seen
    for name, value in start_softmax(folder, 1).items():
        assert torch.equal(first["softmax"][name], second["softmax"][name]), name
        torch.testing.assert_close(first["softmax"][name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_two_processes_pretrain_as_one_that_sees_the_batches_of_both(seen):
    folder, (first, second) = seen
    for name, weight in pretrain(folder, f"distill:{folder}/teacher.npy", 1).items():
        assert torch.equal(first["taught"][name], second["taught"][name]), name
        torch.testing.assert_close(first["taught"][name], weight, rtol=1e-3, atol=1e-4, msg=name)


def test_processes_that_draw_words_of_their_own_still_have_the_same_weights(seen):
    _, (first, second) = seen
    learned = {name for name in first["pretrained"] if "standardize" not in name}
    assert {"embedding.weight", "objectives.1.output.weight", "lstm.weight_hh_l0"} <= learned
    for name in learned:
        assert torch.equal(first["pretrained"][name], second["pretrained"][name]), name


def test_each_training_text_comes_exactly_once_an_epoch_over_the_processes(seen):
    _, ranks = seen
    sizes = [[len(step) for step in rank["init False"]["rows"]] for rank in ranks]
    assert sizes[0] != sizes[1], "an uneven share is what this is about"
    for epoch in range(2):
        rows = Counter(
            row
            for rank in ranks
            for step, at in zip(rank["init False"]["rows"], rank["init False"]["epochs"], strict=True)
            if at == epoch
            for row in step
        )
        assert rows == Counter(range(SPLITS["train"]))


def test_all_processes_have_one_vocabulary_and_one_table(seen):
    _, (first, second) = seen
    for name in (f"{mode} {sparse}" for mode, sparse in CASES):
        assert first[name]["vocabulary"] == second[name]["vocabulary"]
        assert torch.equal(first[name]["table"], second[name]["table"])


def test_a_run_of_two_processes_resumes_within_an_epoch_to_the_same_bits_with_dropout(seen):
    _, ranks = seen
    for whole, resumed in (rank["interrupted"] for rank in ranks):
        assert whole.keys() == resumed.keys() and "train_loss" in whole
        assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_the_vectors_are_read_once_by_one_of_the_processes(seen):
    _, ranks = seen
    assert sum(len(rank["opened"]) for rank in ranks) == 1, [rank["opened"] for rank in ranks]


def start_node(node, port, command, output):
    """Start a node of two in an environment as torchrun's, in a prepared process, which is faster."""
    environment = {
        "TORCHELASTIC_RUN_ID": "none",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "1",
        "LOCAL_RANK": "0",
        "RANK": str(node),
        "GROUP_RANK": str(node),
    }
    return Prepared(["lightning", *command], {**os.environ, **environment}, output=output)


def torchrun(node, port, command, output):
    """Start a node of two by torchrun."""
    run = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc_per_node", "1"]
    run += ["--master_addr", "127.0.0.1", "--master_port", port, "--node_rank", str(node), "-m", "lit_transfer"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen([*run, *command], env=environment, text=True, **pipes)


@pytest.mark.parametrize("start", [start_node, pytest.param(torchrun, marks=pytest.mark.slow)])
def test_two_nodes_of_torchrun_train_as_one_process(seen, folder, tmp_path_factory, start):
    written, _ = seen
    for part in (*SPLITS, "vectors"):
        suffix = ".txt" if part == "vectors" else ".tsv"
        (folder / f"{part}{suffix}").write_bytes((written / f"{part}{suffix}").read_bytes())
    (folder / "run.yaml").write_text(
        "model: {hidden_size: 8, lr: 0.01, dropout: 0.0, transfer: init}\n"
        "data: {train_file: train.tsv, val_file: val.tsv, vectors: vectors.txt, cache: false}\n"
        "trainer: {accelerator: cpu, max_epochs: 2, enable_progress_bar: false, enable_model_summary: false}\n"
    )
    fit = ["fit", "--config", "run.yaml", "--trainer.default_root_dir"]
    two = ["--trainer.num_nodes", "2", "--trainer.devices", "1", "--trainer.strategy", "ddp", "--data.batch_size", "8"]
    port = str(free_port())
    started = [start(node, port, [*fit, "two", *two], tmp_path_factory.mktemp("node")) for node in range(2)]
    printed = [node.communicate(timeout=240)[0] for node in started]
    assert [node.returncode for node in started] == [0, 0], printed
    main([*fit, "one", "--data.batch_size", "16"])
    (one,), (two,) = (list((folder / name).rglob("*.ckpt")) for name in ("one", "two"))
    one, two = torch.load(one)["state_dict"], torch.load(two)["state_dict"]
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-4, msg=name)
    assert "last checkpoint" in printed[0] and "last checkpoint" not in printed[1]


def test_validation_and_test_figures_are_those_of_one_process_to_the_last_text(seen):
    folder, ranks = seen
    one = evaluate(folder, folder / "one.ckpt", 1)
    for two in (rank["evaluated"] for rank in ranks):
        for ours, theirs in zip(two["confusion"], one["confusion"], strict=True):
            assert (ours == theirs).all()
        assert one["confusion"][1].sum() == SPLITS["test"]
        for stage in ("validate", "test"):
            assert two[stage] == pytest.approx(one[stage], abs=1e-6)


def test_predictions_of_two_processes_are_complete_and_in_the_files_order(seen):
    folder, _ = seen
    evaluate(folder, folder / "one.ckpt", 1)
    tables = []
    for ranks in (1, RANKS):
        with (folder / f"predicted_by_{ranks}" / "predictions.csv").open() as file:
            tables.append(list(csv.DictReader(file)))
    one, two = tables
    assert [row["text"] for row in two] == [
        line.split("\t")[0] for line in (folder / "predict.tsv").read_text().splitlines()[1:]
    ]
    assert [row["label"] for row in one] == [row["label"] for row in two]
    for ours, theirs in zip(one, two, strict=True):
        assert float(ours["p_positive"]) == pytest.approx(float(theirs["p_positive"]), abs=1e-5)
