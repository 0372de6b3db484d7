from lit_transfer.data.reading.hugging_face import read_dataset
from tests.data.processes import in_a_process_of_its_own


def test_a_dataset_of_the_hub_without_a_network_is_an_error_that_names_a_way_out(tmp_path):
    code = "try: read_dataset('rotten_tomatoes')\nexcept DataError as error: print(error)"
    said = in_a_process_of_its_own(code, tmp_path, HF_HUB_OFFLINE="1")
    assert "'rotten_tomatoes' cannot be loaded" in said and "train_file" in said


def test_a_saved_dataset_and_a_folder_of_files_are_read_with_the_names_of_their_classes(tmp_path, capfd):
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    train = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, 0, -1]}, features=features)
    expected = {"text": ["a", "b", "c"], "label": ["pos", "neg", None]}
    datasets.DatasetDict({"train": train, "test": train}).save_to_disk(str(tmp_path / "saved"))
    assert read_dataset(str(tmp_path / "saved")) == {"train": expected, "test": expected}
    train.save_to_disk(str(tmp_path / "single"))
    assert read_dataset(str(tmp_path / "single")) == {"train": expected}
    (tmp_path / "files").mkdir()
    train.to_parquet(tmp_path / "files/train.parquet")
    train.to_parquet(tmp_path / "files/validation.parquet")
    capfd.readouterr()
    assert read_dataset(str(tmp_path / "files")) == {"train": expected, "validation": expected}
    assert capfd.readouterr() == ("", ""), "no progress bars"
