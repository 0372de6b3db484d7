"""Messages of Lightning and wandb that are hidden from users."""

from __future__ import annotations

import logging
import warnings

from lightning.pytorch import Trainer

# Warnings of Lightning that are irrelevant to users.
IDLE_WARNINGS = (
    ".*LeafSpec.*",
    "LightningCLI's args parameter is intended",
    "Starting from v1.9.0, `tensorboardX` has been removed",
    "The number of training batches .* is smaller than the logging interval",
    "The dirpath has changed from",
    "Checkpoint directory .* exists and is not empty",
    "Total length of `list` across ranks is zero",  # no validation, which is reported elsewhere
    "It is recommended to use `self.log.* when logging on epoch level in distributed setting",  # torchmetrics synchronizes
    ".*does not have many workers which may be a bottleneck",  # texts are encoded before training
)
# Log messages of Lightning that are irrelevant to users: advertisements, devices that a machine does not have, lines that
# break the progress bar, and content of our summary.
IDLE_MESSAGES = (
    "Tip: For seamless",
    "`Trainer.fit` stopped",
    "Loading `train_dataloader` to estimate",
    "GPU available: ",
    "TPU available: ",
    "HPU available: ",
    "Seed set to ",
    "Restoring states from the checkpoint path",
    "Restored all states from the checkpoint",
    "Loaded model weights from the checkpoint",
    # Our own callbacks, when a trainer is used a second time, as in `fit` and then `test`.
    "will override existing callbacks passed to Trainer: ExactResume, FiniteLoss, ",
)
LOGGERS = (
    "lightning.pytorch.utilities.rank_zero",
    "lightning.fabric.utilities.seed",
    "lightning.fabric.utilities.rank_zero",
)


def hide_idle_messages() -> None:
    """Hide messages of Lightning that are irrelevant to users."""
    for message in IDLE_WARNINGS:
        warnings.filterwarnings("ignore", message=message)
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_is_relevant)


def hide_callbacks_of_training() -> None:
    """Hide the warning about missing training callbacks, for commands that do not train."""
    warnings.filterwarnings("ignore", message="Be aware that when using `ckpt_path`, callbacks used to create")


def _is_relevant(record: logging.LogRecord) -> bool:
    return not any(idle in record.getMessage() for idle in IDLE_MESSAGES)


def quiet_wandb(trainer: Trainer) -> None:
    """Hide the messages of wandb about itself; online, the address of the run is shown."""
    loggers = [each for each in trainer.loggers if type(each).__name__ == "WandbLogger"]
    if loggers:
        import wandb

        offline = all(getattr(each, "_offline", False) for each in loggers)
        mode = "offline" if offline else None  # Lightning sets it in the environment, which wandb has then read
        wandb.setup(wandb.Settings(mode=mode, silent=offline, show_warnings=False))
