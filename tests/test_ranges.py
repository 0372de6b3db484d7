import pytest

from lit_transfer.errors import ConfigError
from lit_transfer.ranges import check_range


def test_the_ends_of_a_range_and_what_was_not_given_pass():
    check_range(0, 1, dropout=0, share=1.0, other=None)
    check_range(1, epochs=10**9)


@pytest.mark.parametrize(
    ("bounds", "value", "said"),
    [
        ((1,), 0, "epochs is 0, but it must be at least 1."),
        ((0, 1), 1.5, "epochs is 1.5, but it must be 0 to 1."),
        ((0,), float("nan"), "epochs is nan, but it must be at least 0."),
        ((0,), float("inf"), "epochs is inf, but it must be finite, and at least 0."),
    ],
)
def test_a_number_outside_is_reported_with_its_name_and_the_range(bounds, value, said):
    with pytest.raises(ConfigError) as error:
        check_range(*bounds, batches=1, epochs=value)
    assert str(error.value) == said
