"""Store of finished runs on disk: rows, predictions, and common settings."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lit_transfer.compare.plan import RunSpec
from lit_transfer.errors import ConfigError
from lit_transfer.files import atomic_write

# Prefix of the settings that identify the contents of files.
FILE = "content of "
# Maximum number of changed settings to show.
MOST_CHANGES = 8


class Store:
    """The `output_dir` of a comparison. A run has a row only if it finished, since files are written atomically."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def _settings_file(self) -> Path:
        return self.folder / "settings.json"

    def _row_file(self, run: RunSpec) -> Path:
        return self.folder / "rows" / f"{run.key}.json"

    def _predictions_file(self, run: RunSpec) -> Path:
        return self.folder / "rows" / f"{run.key}.npz"

    def run_folder(self, run: RunSpec) -> Path:
        """Return the folder of the run's logs."""
        return self.folder / "runs" / run.key

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against other comparisons, including those in other processes.

        Raises:
            ConfigError: Another comparison is running in the folder.
        """
        from filelock import FileLock, Timeout

        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / ".lock", timeout=0):
                yield
        except Timeout as error:
            raise ConfigError(
                f"Another comparison is running in {self.folder}. Wait until it ends, or set another --compare.output_dir."
            ) from error

    def check_settings(
        self, settings: Mapping[str, Any], defaults: Mapping[str, Any], contents: Mapping[str, str] | None = None
    ) -> None:
        """Store the common settings of the runs, or compare them with those of the finished runs.

        Args:
            settings: Common settings by name.
            defaults: Default values of arguments, for those that a later version of the package has added.
            contents: Keys of the contents of files; files may be added to the comparison or removed.

        Raises:
            ConfigError: The folder has results with other settings.
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
                    f"{self.folder} has results of another comparison: {'; '.join(changes[:MOST_CHANGES])}{rest}. Set "
                    "another --compare.output_dir, remove the folder, or use its settings."
                )
        with atomic_write(self._settings_file) as file:
            json.dump({**settings, **contents}, file, indent=1)

    def is_finished(self, run: RunSpec) -> bool:
        """Return whether a run is finished."""
        return self._row_file(run).exists()

    def write(self, run: RunSpec, row: Mapping[str, Any], probabilities: np.ndarray, decisions: np.ndarray) -> None:
        """Store the results of a finished run, its class probabilities of the test texts, and its decisions on them.

        *Shape:* probabilities `(texts, num_classes)`.
        """
        with atomic_write(self._predictions_file(run), "wb") as file:
            np.savez_compressed(file, predicted=decisions, probabilities=probabilities.astype(np.float32))
        with atomic_write(self._row_file(run)) as file:  # written last, since the row marks the run as finished
            json.dump(row, file, indent=1)

    def row(self, run: RunSpec) -> dict[str, Any]:
        """Return the results of a run."""
        return json.loads(self._row_file(run).read_text(encoding="utf-8"))

    def predictions(self, run: RunSpec, name: str) -> np.ndarray:
        """Return the decisions of a run on its test texts (`predicted`), or its class probabilities (`probabilities`)."""
        with np.load(self._predictions_file(run)) as arrays:
            return arrays[name]

    def unfinished(self, runs: Sequence[RunSpec]) -> list[RunSpec]:
        """Return the runs that are not finished."""
        return [run for run in runs if not self.is_finished(run)]
