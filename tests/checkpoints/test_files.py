import pytest

from lit_transfer.checkpoints.files import add_part, get_part
from lit_transfer.errors import CheckpointError


class Model: ...


class Other: ...


def test_a_part_comes_back_to_the_class_that_wrote_it_and_to_one_that_does_not_ask():
    checkpoint = {"state_dict": {}}
    add_part(checkpoint, {"settings": {}}, written_by=Model)
    assert checkpoint == {
        "state_dict": {},
        "lit_transfer": {"class_path": "tests.checkpoints.test_files.Model", "settings": {}},
    }
    assert get_part(checkpoint, written_by=Model) is get_part(checkpoint) is checkpoint["lit_transfer"]


def test_another_class_is_told_which_one_to_load_it_with():
    checkpoint = {}
    add_part(checkpoint, {}, written_by=Model)
    with pytest.raises(
        CheckpointError, match=r"The checkpoint was written by .*\.Model, not .*\.Other\. Load it with that"
    ):
        get_part(checkpoint, written_by=Other)


def test_a_checkpoint_of_another_program_is_named():
    with pytest.raises(
        CheckpointError, match=r"^x\.ckpt was not written by lit_transfer: .* Give a file that `fit` wrote"
    ):
        get_part({"state_dict": {}}, "x.ckpt")
