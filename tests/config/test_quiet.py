"""What is hidden of Lightning's messages."""

from pathlib import Path


def test_commands_without_training_hide_the_warning_about_callbacks(lightning, capsys, recwarn):
    folds = "--data.val_fraction", "0", "--data.val_folds", "2"
    best = "--trainer.callbacks+=ModelCheckpoint", "--trainer.callbacks.monitor=val_accuracy"
    lightning("fit", *folds, *best)
    [checkpoint] = Path().rglob("*.ckpt")
    lightning("test", "--ckpt_path", str(checkpoint), *folds, *best)
    assert "callbacks used to create" not in "".join([*capsys.readouterr(), *(str(each.message) for each in recwarn)])
