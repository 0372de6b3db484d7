"""Trained models as folders, on disk and on the Hugging Face hub."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from typing_extensions import Self

from lit_transfer.checkpoints.files import is_data
from lit_transfer.checkpoints.pretrained import VOCABULARY
from lit_transfer.files import atomic_folder
from lit_transfer.hub.model_card import Card

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


class Pretrained:
    """Methods for saving and loading a model as a folder with the contents of a checkpoint and a model card."""

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        *,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        **card: Any,
    ) -> str | None:
        """Save the model as safetensors and JSON, with a model card.

        Args:
            save_directory: Folder to write; one written earlier by this method is replaced.
            repo_id: Name on the hub; None for the name of the folder.
            push_to_hub: Whether to push the folder to the hub.
            card: Contents of the model card, see `lit_transfer.hub.model_card.Card.of`: `test=(texts, labels)`,
                `comparison`, `data`, `language`, `license`, `vectors_license`, `intended_use`. Further arguments are passed
                to `push_to_hub`.

        Returns:
            The URL of the commit, if the folder was pushed.

        Raises:
            ConfigError: The folder exists and was not written by this method.
            CheckpointError: The model was neither trained nor loaded.
        """
        from lit_transfer.hub.hub_model import HubModel

        pushing = {name: card.pop(name) for name in list(card) if name not in Card.ARGUMENTS}
        model = HubModel(self._as_checkpoint(), Card.of(self, **card))
        path = Path(save_directory)
        with atomic_folder(path, mark=VOCABULARY) as folder:
            model.save_pretrained(folder)
        return model.push_to_hub(repo_id or path.name, **pushing) if push_to_hub else None

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Push the model to the Hugging Face hub.

        Args:
            repo_id: Name on the hub, such as `me/reviews`.
            options: Arguments of `huggingface_hub.ModelHubMixin.push_to_hub` (`private`, `token`, `commit_message`, ...),
                and those of the model card, see `save_pretrained`.

        Returns:
            The URL of the commit.
        """
        from lit_transfer.hub.hub_model import HubModel

        card = {name: options.pop(name) for name in list(options) if name in Card.ARGUMENTS}
        return HubModel(self._as_checkpoint(), Card.of(self, **card)).push_to_hub(repo_id, **options)

    @classmethod
    def from_pretrained(
        cls,
        name: str | os.PathLike[str],
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        **arguments: Any,
    ) -> Self:
        """Load a model written by `save_pretrained` or `push_to_hub`.

        Args:
            name: Path of a folder, or name on the hub.
            revision: Branch, tag or commit on the hub.
            token: Access token for the hub.
            cache_dir: Cache folder for downloads from the hub.
            force_download: Whether to download files that are cached.
            local_files_only: Whether to use cached files only.
            arguments: Arguments of `load_from_checkpoint`, such as `vectors`.

        Returns:
            The model.

        Raises:
            CheckpointError: The model is missing or damaged.
        """
        folder = name
        if not Path(name).is_dir():
            folder = download(
                str(name),
                revision=revision,
                token=token,
                cache_dir=cache_dir,
                force_download=force_download,
                local_files_only=local_files_only,
            )
        return cls.load_from_checkpoint(folder, **arguments)  # type: ignore[attr-defined, no-any-return]

    def _as_checkpoint(self) -> dict[str, Any]:
        """Return the contents of a checkpoint that prediction needs."""
        model: Any = self
        arguments = {name: value for name, value in model.hparams.items() if is_data(value)}
        checkpoint = {"state_dict": model.state_dict(), "hyper_parameters": arguments}
        model.on_save_checkpoint(checkpoint)
        return checkpoint


def is_hub_id(name: str | os.PathLike[str]) -> bool:
    """Return whether a name is one on the hub: it has the form `owner/name`, and there is no such path."""
    return bool(_HUB_ID.fullmatch(str(name))) and not Path(name).parent.exists()


def find_model(name: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """Return the path of a model: the name itself, or the downloaded files of a model on the hub.

    Raises:
        CheckpointError: The model does not exist on the hub, or the hub cannot be reached.
    """
    return download(str(name)) if is_hub_id(name) else name


def download(name: str, **options: Any) -> Path:
    """Download a model from the hub.

    Args:
        name: Name of the model, as `owner/name`.
        options: Options of `Pretrained.from_pretrained`.

    Returns:
        The folder with the files.

    Raises:
        CheckpointError: The model does not exist, or the hub cannot be reached.
    """
    from lit_transfer.hub.hub_model import snapshot

    return snapshot(name, **options)
