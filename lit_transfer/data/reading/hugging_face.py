"""Datasets of the Hugging Face hub, and tables of Arrow as columns."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from lit_transfer.data.reading.floats import shortest_floats
from lit_transfer.errors import DataError
from lit_transfer.files import expanded

Columns = dict[str, Sequence[Any]]
BATCH = 10_000  # rows read at once


def read_dataset(name: str) -> dict[str, Columns]:
    """Read the columns of all splits of a dataset, with class labels as names.

    The name is that of a dataset on the hub, of a folder written by `save_to_disk`, or of a folder of data files.

    Raises:
        DataError: The dataset does not exist, or the hub cannot be reached.
    """
    import datasets

    folder = expanded(name)
    saved = any((folder / file).is_file() for file in ("dataset_dict.json", "state.json"))
    with _quiet_datasets(), tempfile.TemporaryDirectory() as scratch:
        try:
            if saved:
                loaded = datasets.load_from_disk(str(folder))
            else:
                loaded = datasets.load_dataset(
                    str(folder) if folder.is_dir() else name, cache_dir=scratch if folder.is_dir() else None
                )
        except Exception as error:  # hub, network and parser errors share no base class
            raise DataError(
                f"The dataset {name!r} cannot be loaded: {first_line(error)} Check the name at "
                "https://huggingface.co/datasets and the network, or download the files and give them as train_file, "
                "val_file, test_file."
            ) from error
        splits = loaded if isinstance(loaded, dict) else {"train": loaded}
        return {split: _columns(part.with_format("arrow")[:], part.features or {}) for split, part in splits.items()}


def columns_of_table(table: Any, schema: Any) -> Columns:
    """Return the columns of an Arrow table as lists, class labels by name (None for -1 and null).

    `datasets` stores the names of class labels in the schema of the file.
    """
    features: Any = {}
    if b"huggingface" in (schema.metadata or {}):
        import datasets

        features = datasets.Features.from_arrow_schema(schema)
    return _columns(table, features)


def _columns(table: Any, features: Any) -> Columns:
    import pyarrow as pa

    columns: Columns = {}
    for name, column in zip(table.schema.names, table.columns, strict=True):
        if column.type in (pa.float16(), pa.float32()):
            columns[name] = shortest_floats(column.to_numpy(zero_copy_only=False))
        else:
            columns[name] = column.to_pylist()
    for name, feature in features.items():
        if name in columns and (class_names := getattr(feature, "names", None)):
            by_id = dict(enumerate(class_names))
            columns[name] = [by_id.get(value) for value in columns[name]]
        elif class_names := getattr(_item(feature), "names", None):
            by_id = dict(enumerate(class_names))
            columns[name] = [None if row is None else [by_id.get(value) for value in row] for row in columns[name]]
    return columns


def _item(feature: Any) -> Any:
    """Return the feature of the items of a list; None if it is no list."""
    return feature[0] if isinstance(feature, list) and feature else getattr(feature, "feature", None)


@contextlib.contextmanager
def _quiet_datasets() -> Iterator[None]:
    """Disable progress bars, log lines for errors that are reported here, and telemetry about local files."""
    import datasets

    had_bars, verbosity = datasets.utils.is_progress_bar_enabled(), datasets.utils.logging.get_verbosity()
    counted = datasets.config.HF_UPDATE_DOWNLOAD_COUNTS
    datasets.disable_progress_bars()
    datasets.utils.logging.set_verbosity(datasets.utils.logging.CRITICAL)
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    try:
        yield
    finally:
        datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = counted
        datasets.utils.logging.set_verbosity(verbosity)
        if had_bars:
            datasets.enable_progress_bars()


def first_line(error: BaseException) -> str:
    """Return the first line of an error message as a sentence."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return text if text.endswith(".") else text + "."
