from hypothesis import given
from hypothesis import strategies as st

from models.registry.history import Move, came_about, from_json, version_before


def move(to, instead_of, how="promote"):
    return Move(to, instead_of, how, "2026-03-01T08:00:00")


FIRST, SECOND, THIRD = move(1, None, "training"), move(2, 1, "training"), move(3, 2)


def test_a_move_comes_back_from_its_json():
    found = Move(3, None, "promote", "2026-03-01T08:00:00", "ann", 'said "now"\n', "refused", True, "n1, n2")
    assert from_json(found.as_json()) == found


def test_a_move_as_tags_says_who_and_instead_of_whom():
    found = Move(3, None, "promote", "2026-03-01T08:00:00", "ann", "asked for").tags()
    assert found == {
        "champion_since": "2026-03-01T08:00:00",
        "champion_by": "promote ann",
        "champion_why": "asked for",
        "champion_instead_of": "",
    }


def test_before_the_first_there_was_none():
    assert version_before([], None) is None
    assert version_before([FIRST], 1) is None


def test_twice_back_goes_two_back():
    moves = [FIRST, SECOND, THIRD]
    assert version_before(moves, 3) == 2
    moves.append(move(2, 3, "rollback"))
    assert version_before(moves, 2) == 1
    moves.append(move(1, 2, "rollback"))
    assert version_before(moves, 1) is None


def test_a_version_used_again_lies_on_top_again():
    moves = [FIRST, SECOND, move(1, 2, "rollback"), move(3, 1)]
    assert version_before(moves, 3) == 1


def test_a_move_that_was_interrupted_did_not_come_about():
    assert came_about([FIRST, SECOND], 1) == [FIRST]
    assert version_before([FIRST, SECOND, THIRD], 2) == 1
    assert version_before([FIRST, move(3, 1), SECOND], 2) == 1
    assert version_before([FIRST, SECOND, move(1, 2, "rollback")], 2) == 1


def test_a_champion_set_past_us_lies_on_top():
    assert version_before([FIRST, SECOND], 7) == 2
    assert version_before([], 7) is None
    assert version_before([move(8, 7)], 8) == 7


@given(st.lists(st.one_of(st.integers(1, 5), st.none()), max_size=30))
def test_back_is_the_way_one_came(steps):
    """Putting versions to use and going back, as a plain stack says it."""
    stack, moves = [], []
    for to in steps:
        now = stack[-1] if stack else None
        if to is None and len(stack) > 1:
            stack.pop()
            moves.append(move(stack[-1], now, "rollback"))
        elif to is not None and to != now:
            stack.append(to)
            moves.append(move(to, now))
        assert version_before(moves, stack[-1] if stack else None) == (stack[-2] if len(stack) > 1 else None)
