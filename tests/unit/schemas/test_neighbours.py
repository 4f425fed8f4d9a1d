from hypothesis import given
from hypothesis import strategies as st

from argosy.schemas.neighbours import Group, together


@given(st.lists(st.integers(0, 50)), st.integers(1, 120), st.integers(0, 3), st.integers(1, 3))
def test_groups_are_the_list_in_order_and_as_full_as_they_can_be(
    tokens: list[int], limit: int, each: int, least: int
) -> None:
    groups = list(together(tokens, limit, each=each, least=least))
    assert [index for group in groups for index in range(group.first, group.past)] == list(range(len(tokens)))
    for group in groups:
        size = group.past - group.first
        assert group.tokens == sum(tokens[group.first : group.past]) + each * size
        assert group.tokens <= limit or size <= least
    for group in groups[:-1]:
        assert group.past - group.first >= least
        assert group.tokens + tokens[group.past] + each > limit


def test_an_item_over_the_limit_is_alone() -> None:
    assert list(together([5, 90, 5, 5], 10)) == [Group(0, 1, 5), Group(1, 2, 90), Group(2, 4, 10)]
