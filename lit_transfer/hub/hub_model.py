"""Subclass of huggingface_hub's mixin; separate from `hub`, since its import is slow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData, ModelHubMixin

from lit_transfer.checkpoints.pretrained import write_pretrained
from lit_transfer.hub.model_card import Card

_TAGS = ["text-classification", "word-vectors", "lstm", "lightning"]
_TEMPLATE = str(Path(__file__).with_name("model_card.md"))


class HubModel(ModelHubMixin, library_name="lit_transfer", pipeline_tag="text-classification", tags=_TAGS):
    """A checkpoint with its model card."""

    def __init__(self, checkpoint: dict[str, Any], card: Card) -> None:
        self._checkpoint = checkpoint
        self._card = card

    def _save_pretrained(self, save_directory: Path) -> None:
        write_pretrained(self._checkpoint, save_directory)

    def generate_model_card(self, *args: Any, **kwargs: Any) -> ModelCard:
        """Return the rendered model card."""
        results = [
            EvalResult(
                task_type="text-classification",
                dataset_type="text",
                dataset_name="test texts",
                metric_type="accuracy",
                metric_value=score.share,
            )
            for score in self._card.scores[:1]
        ]
        data = ModelCardData(
            language=self._card.language,
            license=self._card.license,
            library_name="lit_transfer",
            pipeline_tag="text-classification",
            tags=_TAGS,
            model_name="lit_transfer classifier" if results else None,
            eval_results=results or None,
        )
        return ModelCard.from_template(
            data, template_path=_TEMPLATE, **{**self._card.values, "scores": self._card.scores, **kwargs}
        )
