"""Objectives by name, as terms of a weighted sum."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from lit_transfer.errors import ConfigError
from lit_transfer.plugins import find_plugin, plugin_names
from lit_transfer.pretraining.batches import Pairing
from lit_transfer.pretraining.objectives.distillation import Distillation
from lit_transfer.pretraining.objectives.language_model import LanguageModel
from lit_transfer.pretraining.objectives.masked_vector import MaskedVector
from lit_transfer.pretraining.objectives.objective import Objective
from lit_transfer.pretraining.objectives.same_document import AdjacentSentence, SameDocument

OBJECTIVES: dict[str, type[Objective]] = {
    kind.name: kind for kind in (SameDocument, AdjacentSentence, LanguageModel, MaskedVector)
}


def make_objectives(wanted: str | Sequence[Objective]) -> list[Objective]:
    """Create objectives from a sum such as `document + 0.5*language_model`; a list of objectives is checked.

    Raises:
        ConfigError: A name is unknown, there are no objectives, or two of them require different pairings.
    """
    objectives = [_make(term) for term in wanted.split("+")] if isinstance(wanted, str) else list(wanted)
    if not objectives:
        raise ConfigError("objectives is empty; expected at least one, such as document+language_model.")
    find_pairing(objectives)
    return objectives


def find_pairing(objectives: Sequence[Objective]) -> Pairing | None:
    """Return the pairing of sentences that the objectives require; None for single sentences.

    Raises:
        ConfigError: Two objectives require different pairings.
    """
    wanted = {objective.pairing: objective.name for objective in objectives if objective.pairing is not None}
    if len(wanted) > 1:
        raise ConfigError(
            f"objectives: {' and '.join(wanted.values())} require different pairings of sentences. Use one of them: document "
            "for text with documents, otherwise adjacent."
        )
    return next(iter(wanted), None)


def _make(term: str) -> Objective:
    found = re.fullmatch(r"\s*(?:(?P<weight>[0-9.eE-]+)\s*\*)?\s*(?P<name>[a-z_]+)(?::(?P<teacher>.*\S))?\s*", term)
    name, teacher = (found["name"], found["teacher"]) if found else (term.strip(), None)
    kind = OBJECTIVES.get(name) or find_plugin("objectives", name)
    known = name == Distillation.name if teacher is not None else kind is not None
    if found is None or not known:
        names = ", ".join([*OBJECTIVES, *plugin_names("objectives")])
        raise ConfigError(
            f"objectives: there is no {term.strip()!r}; expected {names} or {Distillation.name}:TEACHER (a file or a folder), or "
            "a sum such as document + 0.5*language_model. Give custom objectives by class_path in a list."
        )
    arguments: dict[str, Any] = {} if teacher is None else {"teacher": teacher}
    if found["weight"]:
        try:
            arguments["weight"] = float(found["weight"])
        except ValueError:
            raise ConfigError(f"objectives: the weight of {name} is {found['weight']!r}; expected a number.") from None
    return cast(Objective, (Distillation if teacher is not None else kind)(**arguments))
