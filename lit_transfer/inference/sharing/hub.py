"""Trained models as folders, here and on the Hugging Face hub."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from typing_extensions import Self

from lit_transfer.checkpoints.files import is_data
from lit_transfer.checkpoints.pretrained import VOCABULARY
from lit_transfer.files import folder_written_whole
from lit_transfer.inference.sharing.model_card import Card

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


class Pretrained:
    """The methods of a model that is saved as a folder; the folder holds what a checkpoint holds, and a model card."""

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        *,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        **card: Any,
    ) -> str | None:
        """Write the model as safetensors and JSON, with a model card.

        Args:
            save_directory: The folder; one that this method wrote before is replaced.
            repo_id: Name on the hub if it is pushed there; the folder's name unless set.
            push_to_hub: Whether the folder is pushed, too.
            card: What the model card says, see `lit_transfer.inference.sharing.model_card.Card.of`: `test=(texts, labels)`,
                `comparison`, `data`, `language`, `license`, `vectors_license`, `intended_use`; the rest goes to `push_to_hub`.

        Returns:
            The address of the commit, if it was pushed.

        Raises:
            ConfigError: The folder is one of the user's own.
            CheckpointError: The model was neither trained nor loaded.
        """
        from lit_transfer.inference.sharing.hub_model import HubModel

        pushing = {name: card.pop(name) for name in list(card) if name not in Card.ARGUMENTS}
        model = HubModel(self._as_checkpoint(), Card.of(self, **card))
        path = Path(save_directory)
        with folder_written_whole(path, mark=VOCABULARY) as folder:
            model.save_pretrained(folder)
        return model.push_to_hub(repo_id or path.name, **pushing) if push_to_hub else None

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Push the model to the Hugging Face hub.

        Args:
            repo_id: Name on the hub, such as `me/reviews`.
            options: Arguments of `huggingface_hub.ModelHubMixin.push_to_hub` (`private`, `token`, `commit_message`, ...),
                and those of the model card, see `save_pretrained`.

        Returns:
            The address of the commit.
        """
        from lit_transfer.inference.sharing.hub_model import HubModel

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
        """Load a model that `save_pretrained` or `push_to_hub` wrote.

        Args:
            name: A folder, or a name on the hub.
            revision: Branch, tag or commit on the hub.
            token: What the hub is told who asks.
            cache_dir: Where what comes from the hub is kept.
            force_download: Whether it is loaded anew.
            local_files_only: Whether only what is kept already is looked at.
            arguments: Those of `load_from_checkpoint`, such as `vectors`.

        Raises:
            CheckpointError: There is no such model, or it is damaged.
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
        """What a checkpoint file would hold for prediction."""
        model: Any = self
        arguments = {name: value for name, value in model.hparams.items() if is_data(value)}
        checkpoint = {"state_dict": model.state_dict(), "hyper_parameters": arguments}
        model.on_save_checkpoint(checkpoint)
        return checkpoint


def is_hub_id(name: str | os.PathLike[str]) -> bool:
    """Whether a name can only be one of the hub's: `owner/name`, and nothing here is called so."""
    return bool(_HUB_ID.fullmatch(str(name))) and not Path(name).parent.exists()


def find_model(name: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """Return the path of a model: the name itself, or where the files of the hub's model of that name are.

    Raises:
        CheckpointError: There is no such model on the hub, or it cannot be reached.
    """
    return download(str(name)) if is_hub_id(name) else name


def download(name: str, **options: Any) -> Path:
    """Bring a model of the hub onto this machine.

    Args:
        name: `owner/name`.
        options: Those of `Pretrained.from_pretrained`.

    Raises:
        CheckpointError: There is no such model, or it cannot be reached.
    """
    from lit_transfer.inference.sharing.hub_model import snapshot

    return snapshot(name, **options)
