"""Trained models as folders, on disk and on the Hugging Face hub."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lit_transfer.checkpoints.files import is_data
from lit_transfer.checkpoints.pretrained import CONFIG, VOCABULARY, WEIGHTS
from lit_transfer.checkpoints.record import KEY, SEEN_TEXTS
from lit_transfer.errors import CheckpointError
from lit_transfer.files import atomic_folder
from lit_transfer.hub.model_card import CARD_ARGUMENTS, Card

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


# Options of `download`.
DOWNLOAD_OPTIONS = ("revision", "token", "cache_dir", "force_download", "local_files_only")


def save(
    model: LightningModule,
    save_directory: str | os.PathLike[str],
    *,
    repo_id: str | None = None,
    push_to_hub: bool = False,
    **card: Any,
) -> str | None:
    """Save a model as safetensors and JSON, with a model card.

    Args:
        model: The model.
        save_directory: Folder to write; one written earlier by this function is replaced.
        repo_id: Name on the hub; None for the name of the folder.
        push_to_hub: Whether to push the model to the hub too, without the hashes of its training texts.
        card: Contents of the model card, see `lit_transfer.hub.model_card.Card.of`: `test=(texts, labels)`, `comparison`,
            `data`, `language`, `license`, `vectors_license`, `intended_use`. Further arguments are passed to `push`.

    Returns:
        The URL of the commit, if the folder was pushed.

    Raises:
        ConfigError: The folder exists and was not written by this function.
        CheckpointError: The model was neither trained nor loaded.
    """
    from lit_transfer.hub.hub_model import HubModel

    pushing = {name: card.pop(name) for name in list(card) if name not in CARD_ARGUMENTS}
    checkpoint, written = as_checkpoint(model), Card.of(model, **card)
    path = Path(save_directory)
    with atomic_folder(path, mark=VOCABULARY) as folder:
        HubModel(checkpoint, written).save_pretrained(folder)
    if not push_to_hub:
        return None
    return HubModel(_published(checkpoint), written).push_to_hub(repo_id or path.name, **pushing)


def push(model: LightningModule, repo_id: str, **options: Any) -> str:
    """Push a model to the Hugging Face hub, without the hashes of its training texts; return the URL of the commit.

    Args:
        model: The model.
        repo_id: Name on the hub, such as `me/reviews`.
        options: Arguments of `huggingface_hub.ModelHubMixin.push_to_hub` (`private`, `token`, `commit_message`, ...), and
            those of the model card, see `save`.
    """
    from lit_transfer.hub.hub_model import HubModel

    card = {name: options.pop(name) for name in list(options) if name in CARD_ARGUMENTS}
    return HubModel(_published(as_checkpoint(model)), Card.of(model, **card)).push_to_hub(repo_id, **options)


def _published(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return a checkpoint without the hashes of the training texts, by which others could test whether a text is one."""
    record = {name: value for name, value in checkpoint[KEY].items() if name != SEEN_TEXTS}
    return {**checkpoint, KEY: record}


def as_checkpoint(model: LightningModule) -> dict[str, Any]:
    """Return the contents of a checkpoint that prediction needs."""
    arguments = {name: value for name, value in model.hparams.items() if is_data(value)}
    checkpoint = {"state_dict": model.state_dict(), "hyper_parameters": arguments}
    model.on_save_checkpoint(checkpoint)
    return checkpoint


def folder_of(name: str | os.PathLike[str], **options: Any) -> str | os.PathLike[str]:
    """Return the folder of a model: the name itself, or the downloaded files; see `download` for options and errors."""
    return name if Path(name).is_dir() else download(str(name), **options)


def find_model(name: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """Return the path of a model: the name itself, or the downloaded files if it is `owner/name` and there is no such path.

    Raises:
        CheckpointError: The model does not exist on the hub, or the hub cannot be reached.
    """
    on_hub = _HUB_ID.fullmatch(str(name)) and not Path(name).parent.exists()
    return download(str(name)) if on_hub else name


def download(name: str, **options: Any) -> Path:
    """Download a model, `owner/name`, from the hub; return the folder with the files.

    The options are those of `huggingface_hub.snapshot_download`: `revision` (branch, tag or commit), `token` (access token),
    `cache_dir` (cache folder), `force_download` and `local_files_only`.

    Raises:
        CheckpointError: The model does not exist, or the hub cannot be reached.
    """
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=[CONFIG, VOCABULARY, WEIGHTS], **options))
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError, ValueError) as error:
        raise CheckpointError(
            f"There is no file or folder {name}, and no model of that name could be loaded from the Hugging Face hub "
            f"({type(error).__name__}: {str(error).strip().splitlines()[0]}). Check the path or the name."
        ) from error
