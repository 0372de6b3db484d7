import pytest
from lightning.pytorch import LightningDataModule

from lit_transfer import TextClassifier
from lit_transfer.errors import ConfigError
from lit_transfer.training.data_source import OFFERED
from tests.samples import make_data, make_trainer


class Own(LightningDataModule):
    def __init__(self, **offered):
        super().__init__()
        vars(self).update(offered)


def test_a_custom_data_module_that_lacks_a_method_raises_an_error(tmp_path):
    with pytest.raises(
        ConfigError,
        match=r"Own has no preprocessing, no class_counts, no check, .*Derive it from .*TextDataModule; the model reads",
    ):
        make_trainer(tmp_path).fit(TextClassifier(), Own(alignment=None))
    data = make_data(tmp_path)
    assert isinstance(data, LightningDataModule) and all(hasattr(type(data), name) for name in OFFERED)
    assert not data.text.splits, "nothing is read to find that out"
