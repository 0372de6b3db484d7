import re

import lit_transfer
from lit_transfer.cli.main import main


def test_doctor_shows_what_an_issue_needs_and_tests_the_installation(capsys):
    main(["doctor"])
    out = capsys.readouterr().out
    assert re.search(rf"lit_transfer +{re.escape(lit_transfer.__version__)}", out)
    for word in ("python", "torch ", "lightning ", "processor", "threads", "bfloat16", "cache", "delete the folder"):
        assert word in out, word
    assert re.search(r"extra onnx +(installed|pip install)", out)
    assert re.search(r"self-test +passed in \d+\.\d s: .*accuracy 100%", out)


def test_the_self_test_can_be_left_out(capsys):
    main(["doctor", "--self_test", "false"])
    assert "self-test" not in capsys.readouterr().out
