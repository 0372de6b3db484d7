import contextlib
import warnings

import pytest

from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import warn, warn_deprecated


def test_a_warning_names_the_users_line_though_libraries_lie_between(recwarn):
    with contextlib.ExitStack() as stack:
        stack.callback(warn, "from the frames of contextlib")
    (found,) = recwarn
    assert found.filename == __file__


def test_a_warning_from_deep_inside_names_the_line_that_called_the_package(tmp_path, recwarn):
    path = tmp_path / "texts.csv"
    path.write_text("text;label\n" + "ok;a\nbad;b\n" * 10, encoding="utf-8")
    data = TextDataModule(train_file=str(path), val_fraction=0.5)
    warnings.simplefilter("always")
    data.prepare_data()
    data.setup("fit")
    (found,) = [each for each in recwarn if "separated by semicolons" in str(each.message)]
    assert found.filename == __file__


def test_a_deprecated_name_is_a_future_warning_once_a_line():
    with pytest.warns(FutureWarning, match="old is deprecated, and will be removed in lit_transfer 9"):
        warn_deprecated("old", "9", "new")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            warn("the same")
    assert len(caught) == 1
