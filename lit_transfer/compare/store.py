"""The finished runs on disk: a row and its predictions each, and the settings that all have in common."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lit_transfer.compare.plan import Run
from lit_transfer.errors import ConfigError
from lit_transfer.files import written_whole

# What the names begin with by which the contents of files are noted.
FILE = "content of "
# Names of settings that are shown when they changed.
MOST_CHANGES = 8


class Store:
    """A comparison's folder. A row is there only if its run was finished: files appear under their names as a whole.

    Args:
        folder: The comparison's `output_dir`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def _settings_file(self) -> Path:
        return self.folder / "settings.json"

    def _row_file(self, run: Run) -> Path:
        return self.folder / "rows" / f"{run.key}.json"

    def _predictions_file(self, run: Run) -> Path:
        return self.folder / "rows" / f"{run.key}.npz"

    def run_folder(self, run: Run) -> Path:
        """Where the run's logs go."""
        return self.folder / "runs" / run.key

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold off other comparisons in this folder, also those of other processes.

        Raises:
            ConfigError: One is at work there.
        """
        from filelock import FileLock, Timeout

        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / ".lock", timeout=0):
                yield
        except Timeout as error:
            raise ConfigError(
                f"Another comparison is at work in {self.folder}. Wait for its end, or give another --compare.output_dir."
            ) from error

    def claim(
        self, settings: Mapping[str, Any], defaults: Mapping[str, Any], contents: Mapping[str, str] | None = None
    ) -> None:
        """Note what all runs have in common, or compare it with what the finished ones were made with.

        Args:
            settings: What the runs have in common, by name.
            defaults: What an argument is where nobody sets it: for those that a later version of the package has added.
            contents: What tells a changed file; other files may join the comparison or leave it.

        Raises:
            ConfigError: The folder has results of other settings.
        """
        settings, defaults, contents = (
            json.loads(json.dumps(values, default=str)) for values in (settings, defaults, contents or {})
        )
        if any(self.folder.glob("rows/*.json")) and self._settings_file.exists():
            before = json.loads(self._settings_file.read_text(encoding="utf-8"))
            before = {name: defaults[name] for name in settings if name in defaults} | before
            known = {name: old for name, old in before.items() if name.startswith(FILE) and name not in settings}
            settings = {**settings, **known, **contents}
            before |= {name: value for name, value in contents.items() if name not in known}
            if changes := [
                f"{name} was {before.get(name)!r} and is {settings.get(name)!r}"
                for name in {**before, **settings}
                if before.get(name) != settings.get(name)
            ]:
                rest = f" and {len(changes) - MOST_CHANGES} more" if len(changes) > MOST_CHANGES else ""
                raise ConfigError(
                    f"{self.folder} has results of another comparison: {'; '.join(changes[:MOST_CHANGES])}{rest}. Give "
                    "another --compare.output_dir, remove that folder, or go back to the settings it was made with."
                )
        with written_whole(self._settings_file) as file:
            json.dump({**settings, **contents}, file, indent=1)

    def is_finished(self, run: Run) -> bool:
        """Whether the run has a row."""
        return self._row_file(run).exists()

    def write(self, run: Run, row: Mapping[str, Any], probabilities: np.ndarray) -> None:
        """Keeps a finished run.

        Args:
            run: Which one.
            row: Its figures.
            probabilities: Of the classes, for each test text. *Shape:* `(texts, num_classes)`.
        """
        predicted = probabilities.argmax(axis=1).astype(np.int32)
        with written_whole(self._predictions_file(run), "wb") as file:
            np.savez_compressed(file, predicted=predicted, probabilities=probabilities.astype(np.float16))
        with written_whole(self._row_file(run)) as file:  # last: the row says that the run is finished
            json.dump(row, file, indent=1)

    def row(self, run: Run) -> dict[str, Any]:
        """The run's figures."""
        return json.loads(self._row_file(run).read_text(encoding="utf-8"))

    def predicted(self, run: Run) -> np.ndarray:
        """The run's predicted classes. *Shape:* `(texts,)`."""
        with np.load(self._predictions_file(run)) as arrays:
            return arrays["predicted"]

    def probabilities(self, run: Run) -> np.ndarray:
        """The run's probabilities. *Shape:* `(texts, num_classes)`."""
        with np.load(self._predictions_file(run)) as arrays:
            return arrays["probabilities"].astype(np.float32)

    def unfinished(self, runs: Sequence[Run]) -> list[Run]:
        """The runs without a row."""
        return [run for run in runs if not self.is_finished(run)]
