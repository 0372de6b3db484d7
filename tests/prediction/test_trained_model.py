import pytest

from lit_transfer import TextClassifier
from lit_transfer.errors import ConfigError


@pytest.mark.parametrize("name", ["to_onnx", "to_torchscript"])
def test_exports_of_the_layers_alone_name_the_export_of_the_model(tmp_path, name):
    with pytest.raises(
        ConfigError, match=rf"^{name} would write the layers without .* lightning export model\.ckpt FOLDER"
    ):
        getattr(TextClassifier(), name)(tmp_path / "model.pt")
    assert not any(tmp_path.iterdir())
