"""Base class of the training commands `fit` and `pretrain`."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException as LightningError
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, ModelSummary
from lightning.pytorch.callbacks import ProgressBar as LightningProgressBar
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities import rank_zero_only

from lit_transfer.arguments import LARGEST_SEED, check_range
from lit_transfer.config.fit import OptionParser
from lit_transfer.config.quiet import quiet_wandb
from lit_transfer.errors import ConfigError, LitTransferError, one_line
from lit_transfer.files import check_folder
from lit_transfer.training.progress_bar import ProgressBar

# Flags of the trainer, and the callbacks that are removed if a flag is false.
SWITCHES: dict[str, type[Callback]] = {
    "enable_progress_bar": LightningProgressBar,
    "enable_checkpointing": Checkpoint,
    "enable_model_summary": ModelSummary,
}
# Environment variables from which Lightning takes the rank of a process when it is imported.
RANK_VARIABLES = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")
# jsonargparse's message about an exception in a constructor.
_NOT_MADE = re.compile(r"Problem with given class_path '([\w.]+)':\s+(.*?)\n(\s*- Expected|\s*Given value)", re.DOTALL)


# Arguments of LightningCLI for all training commands. Lightning's `--optimizer` would put all parameters, including frozen
# ones, into one group; therefore, the optimizer is an argument of the model.
CLI_ARGUMENTS: dict[str, Any] = {
    "subclass_mode_model": True,
    "subclass_mode_data": True,
    "auto_configure_optimizers": False,
    "seed_everything_default": 1,
    "save_config_kwargs": {"overwrite": True},
    "parser_class": OptionParser,
}


class StopTogether(Callback):
    """Callback that ends the other processes after an error in the first; they would otherwise hang or lose the connection."""

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End the processes that this one started."""
        launcher = trainer.strategy.launcher
        if launcher is not None:
            launcher.kill(signal.SIGTERM)


def _unless_off(callbacks: Any, flags: Mapping[str, Any]) -> list[Callback]:
    """Return the callbacks without those disabled by a flag, and with a progress bar unless there is one."""
    given = callbacks if isinstance(callbacks, list) else [callbacks] if callbacks else []
    off = tuple(kind for flag, kind in SWITCHES.items() if flags.get(flag) is False)
    kept = [callback for callback in given if not isinstance(callback, off)]
    shown = not flags.get("barebones") and flags.get("enable_progress_bar") is not False
    if shown and not any(isinstance(callback, LightningProgressBar) for callback in kept):
        kept.append(ProgressBar())
    return kept


def _check_rank(trainer: Trainer) -> None:
    """Check that the only process of a run is the first: Lightning takes its rank from variables that a job may have left.

    Raises:
        ConfigError: It is not, so that it would train without a summary, a log and a report.
    """
    names = [name for name in RANK_VARIABLES if os.environ.get(name, "0") != "0"]
    if names and trainer.world_size == 1 and rank_zero_only.rank:  # type: ignore[attr-defined]
        raise ConfigError(
            f"The environment has {', '.join(f'{name}={os.environ[name]}' for name in names)}, the rank of one process of "
            "several, but the trainer has a single process, which would print and log nothing. Unset it (`env "
            f"{' '.join(f'-u {name}' for name in names)} lightning ...`), or set --trainer.devices and --trainer.num_nodes."
        )


class TrainingCLI(LightningCLI):
    """LightningCLI with single-line errors, and without the callbacks disabled by a flag."""

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse the arguments.

        Raises:
            ConfigError: The seed is out of range.
        """
        super().parse_arguments(parser, args)
        command = self.config.get("subcommand")
        seed = (self.config if command is None else self.config[command]).get("seed_everything")
        if not isinstance(seed, bool):
            check_range(0, LARGEST_SEED, seed_everything=seed)

    def instantiate_classes(self) -> None:
        """Create the model, the data and the trainer.

        Raises:
            ConfigError: A package that the configuration needs is missing, or the configuration is invalid.
        """
        try:
            super().instantiate_classes()
        except ModuleNotFoundError as error:
            raise ConfigError(f"The configuration needs a package that is not installed: {one_line(error)}") from error
        except LightningError as error:
            raise ConfigError(one_line(error)) from error
        except ValueError as error:
            failed = _NOT_MADE.search(str(error))
            if isinstance(error, LitTransferError) or isinstance(error.__cause__, LitTransferError) or not failed:
                raise
            raise ConfigError(f"{failed[1]} cannot be created: {' '.join(failed[2].split())}") from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Create the trainer, without the callbacks disabled by a flag.

        Raises:
            ConfigError: The arguments are invalid or contradict each other.
        """
        config = self._get(self.config_init, "trainer", default={})
        check_range(0, gradient_clip_val=config.get("gradient_clip_val"))
        try:
            return super().instantiate_trainer(**{"callbacks": _unless_off(config.get("callbacks"), config), **kwargs})
        except (TypeError, ValueError, RuntimeError) as error:  # raised by Lightning for invalid arguments
            raise ConfigError(one_line(error)) from error

    def after_instantiate_classes(self) -> None:
        """Check that the run can print and write, before any data are read; hide the messages of wandb about itself.

        Raises:
            ConfigError: A folder is not writable, or the environment has the rank of another process.
        """
        _check_rank(self.trainer)
        for folder in {self.trainer.default_root_dir, *(logger.save_dir for logger in self.trainer.loggers)}:
            check_folder(folder)
        quiet_wandb(self.trainer)
