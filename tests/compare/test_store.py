import subprocess
import sys

import pytest

from lit_transfer.compare import run_comparison
from lit_transfer.compare.store import Store
from lit_transfer.errors import ConfigError
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
        ConfigError, match=r"Another comparison is running in .*out. Wait until it ends, or give another"
    ):
        run_comparison(config)
    other.communicate("\n", timeout=60)
    assert not (tmp_path / "out" / "settings.json").exists(), "nothing was noted"
    with Store(tmp_path / "out").locked():
        pass
