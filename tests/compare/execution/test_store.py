import subprocess
import sys

import pytest

from lit_transfer.compare import run_comparison
from lit_transfer.compare.execution.store import Store
from lit_transfer.errors import ConfigError, LitTransferError
from tests.compare.samples import configuration, write_inputs

HOLD = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    input()
"""


def test_of_two_comparisons_in_one_folder_the_second_is_refused_and_the_first_goes_on(tmp_path):
    write_inputs(tmp_path)
    config = configuration(tmp_path)
    with Store(tmp_path / "out").locked():
        pass
    command = [sys.executable, "-c", HOLD, str(tmp_path / "out" / ".lock")]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "held\n"
    with pytest.raises(
        ConfigError, match=r"Another comparison is running in .*out. Wait until it ends, or set another"
    ):
        run_comparison(config)
    other.communicate("\n", timeout=60)
    assert not (tmp_path / "out" / "settings.json").exists(), "nothing was noted"
    with Store(tmp_path / "out").locked():
        pass


@pytest.mark.parametrize("wrong", ["train_sizes", "modes", "texts"])
def test_a_comparison_that_cannot_begin_leaves_no_folder(tmp_path, wrong):
    write_inputs(tmp_path)
    config = configuration(tmp_path, **{"train_sizes": {"train_sizes": [10_000]}}.get(wrong, {}))
    if wrong == "modes":
        config["data"]["vectors"] = None
    elif wrong == "texts":
        config["data"]["test_file"] = str(tmp_path / "missing.tsv")
    with pytest.raises(LitTransferError):
        run_comparison(config)
    assert not (tmp_path / "out").exists()
