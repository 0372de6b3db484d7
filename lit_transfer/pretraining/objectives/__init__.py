"""Pretraining objectives: self-supervised tasks on unlabelled text."""

from lit_transfer.pretraining.objectives.distillation import Distillation
from lit_transfer.pretraining.objectives.language_model import LanguageModel
from lit_transfer.pretraining.objectives.masked_vector import MaskedVector
from lit_transfer.pretraining.objectives.objective import Objective, Sizes
from lit_transfer.pretraining.objectives.parsing import find_pairing, make_objectives
from lit_transfer.pretraining.objectives.same_document import AdjacentSentence, SameDocument

__all__ = [
    "AdjacentSentence",
    "Distillation",
    "LanguageModel",
    "MaskedVector",
    "Objective",
    "SameDocument",
    "Sizes",
    "find_pairing",
    "make_objectives",
]
