"""Where marks lie: every kind on small tables whose places are worked out by hand."""

import re

import numpy as np
import pandas as pd
import pytest

from serving.pages.drawings import draw, draw_course

WALK = pd.DataFrame({"arm": ["a"] * 3 + ["b"] * 3, "day": [0, 5, 10] * 2, "value": [0.0, 5, 10, 10, 10, 10]})


def test_curves_have_both_axes():
    drawing = draw(WALK, "curves arm day value")
    names = ["0", "2", "4", "6", "8", "10"]
    assert dict(map(reversed, drawing.ticks)) == pytest.approx(dict(zip(names, range(0, 101, 20), strict=True)))
    assert [name for _, name in drawing.heights] == names
    assert [y for y, _ in drawing.heights] == pytest.approx([96, 77.6, 59.2, 40.8, 22.4, 4])
    assert drawing.legend == [("blue", "a"), ("red", "b"), ("", "↑ value")]
    assert re.findall(r'points="(.*?)"', drawing.rows[0].marks) == [
        "0.00,96.00 50.00,50.00 100.00,4.00",
        "0.00,4.00 50.00,4.00 100.00,4.00",
    ]


def test_lines_beyond_the_colours_are_named_as_left_out():
    frame = pd.concat([WALK[:3].assign(arm=arm) for arm in "abcdefgh"])
    drawing = draw(frame, "curves arm day value")
    assert drawing.rows[0].marks.count("<polyline") == 5
    assert [name for _, name in drawing.legend] == [*"abcde", "3 more only in the table: f, g, h", "↑ value"]


def test_a_marked_place_and_a_band():
    frame = WALK[:3].assign(low=[0.0, 4, 8], high=[2.0, 6, 10], agreed_rate=2.5)
    drawing = draw(frame, "curves - day value low high agreed_rate")
    assert '<line class="mark" x1="25.00%"' in drawing.rows[0].marks
    assert ("mark", "agreed rate: 250 %") in drawing.legend
    assert '<polygon points="0.00,96.00 50.00,59.20 100.00,22.40 100.00,4.00' in drawing.rows[0].marks


def test_every_panel_has_its_own_axes_with_months_and_shares():
    months = ["2026-01", "2026-02", "2026-03"] * 2
    frame = pd.DataFrame({"stage": ["won"] * 3 + ["met"] * 3, "month": months, "rate": [0.0, 0.2, 0.4, 0.5, 0.5, 1]})
    drawing = draw(frame.assign(low=frame["rate"] / 2, high=frame["rate"]), "lines stage month rate low high")
    assert [row.label for row in drawing.rows] == ["won", "met"]
    for part, most in zip(drawing.parts, ("40 %", "100 %"), strict=True):
        assert part.ticks == [(0, "2026-01"), (50, "2026-02"), (100, "2026-03")]
        assert part.heights[0][1] == "0 %"
        assert part.heights[-1][1] == most
        assert part.rows[0].label == "month"
    assert '<polyline class="blue" points="0.00,96.00 50.00,50.00 100.00,4.00"/>' in drawing.rows[0].marks


def test_dates_are_ticks_of_the_data():
    days = pd.date_range("2026-01-01", periods=9, freq="7D")
    drawing = draw(pd.DataFrame({"arm": "a", "as_of": days, "gain": np.arange(9.0)}), "curves arm as_of gain")
    assert drawing.ticks[0] == (0, "2026-01-01")
    assert drawing.ticks[2] == (50, "2026-01-29")
    assert drawing.ticks[-1] == (100, "2026-02-26")


def test_one_point_far_above_all_others_leaves_the_box_and_is_said_to():
    frame = pd.DataFrame({"arm": ["a"] * 9 + ["far"] * 2, "day": [*range(9), 0, 8], "loss": [0.6] * 10 + [60.0]})
    frame.loc[0, "loss"] = 0.5
    drawing = draw(frame, "curves arm day loss")
    assert [name for _, name in drawing.legend[:2]] == ["a", "far (partly above)"]
    assert float(drawing.heights[-1][1]) < 1


@pytest.mark.parametrize("values", [[1.0], [0.0, 0.0], [3.0, None], [-1.0, -1.0]])
def test_curves_bear_single_points_zeros_and_unknowns(values):
    frame = pd.DataFrame({"arm": "a", "day": range(len(values)), "value": pd.Series(values, dtype=float)})
    drawing = draw(frame, "curves arm day value")
    assert "nan" not in drawing.rows[0].marks
    assert drawing.heights


@pytest.mark.parametrize(("days", "top"), [(2, 0.5), (3, 1.0), (31, 0.09), (90, 0.7)])
def test_a_course_is_the_curve_that_a_frame_would_give(days, top):
    rng = np.random.default_rng(days)
    shares = np.sort(rng.uniform(0, top, (days, 3)), axis=1)[:, [1, 0, 2]]
    if days == 31:
        shares[4] = np.nan
    frame = pd.DataFrame(shares, columns=["likely_share", "low_share", "high_share"])
    frame.insert(0, "day", pd.date_range("2026-03-01 05:00", periods=days))
    curve, course = draw(frame, "curves - day likely_share low_share high_share"), draw_course([*frame["day"]], shares)
    assert course.rows == curve.rows
    assert course.heights == curve.heights
    assert course.ticks == curve.ticks


def test_an_inner_interval_lies_on_the_outer_one():
    frame = pd.DataFrame(
        {"name": ["a"], "value": [5.0], "low": [0.0], "high": [10.0], "q1": [2.5], "q3": [7.5], "n": [3]}
    )
    row = draw(frame, "dots - name value low high - q1 q3 = n").rows[0]
    assert '<line class="inner" x1="27.00%" x2="73.00%"' in row.marks
    assert '<line class="interval" x1="4.00%" x2="96.00%"' in row.marks
    assert row.value == "3"


def test_fewer_than_ten_intervals_stay_inside():
    frame = pd.DataFrame({"name": list("abc"), "value": [1.0, 2, 3], "low": [0.0, 1, 2], "high": [2.0, 3, 90]})
    assert not any("\u203a" in row.marks for row in draw(frame, "dots - name value low high").rows)


def test_a_strip_has_a_glyph_per_kind_and_says_the_last_kind():
    frame = pd.DataFrame(
        {
            "who": ["a", "a", "a", "b", "b"],
            "on": ["fold", "fold", "mean", "fold", "mean"],
            "loss": [1.0, 2.0, 1.5, 5.0, 9.0],
        }
    )
    drawing = draw(frame, "strip who on loss 5 1")
    assert [re.findall(r'x="([\d.]+)%".*?>(.)<', row.marks) for row in drawing.rows] == [
        [("4.00", "○"), ("27.00", "○"), ("15.50", "●")],
        [("96.00", "○"), ("100.00", "›")],
    ]
    assert [row.value for row in drawing.rows] == ["1.50", "9.00"]
    assert [name for _, name in drawing.legend] == ["○ fold", "● mean", "mean"]
