"""What `make bench` makes of its figures: a bar that is missed fails it, and so do peers with other features."""

import pandas as pd
import pytest

from benchmarks.speed.__main__ import BARS, compare, judged, wanted
from data.agreement.file import default_agreement
from features.catalogue import build_catalogue

FIGURES = {"cpu": 1.0, "wall": 1.0, "peak_gb": 1.0, "rows": 1000.0}


def measured(**cpu):
    names = {name for bar in BARS for name in (bar.of, bar.by) if name} | {"day_load"}
    return {name: FIGURES | {"cpu": cpu.get(name, 1.0)} for name in names}


def test_what_is_missed_is_told_at_the_largest_size():
    lines = judged(
        {10: measured(engagement=100.0), 1000: measured(pandas=5.0, featuretools=1e4, shap=6.0, matrix=12.1)}
    )
    assert list(lines.loc[lines["met"] == "no", "what"]) == ["whole catalogue in F"]
    assert dict(zip(lines["what"], lines["got"], strict=True))["growth exponent of matrix"] == "0.54"


def test_what_was_not_measured_is_missed():
    found = measured()
    for name in ("shap", "matrix", "day_load"):
        del found[name]
    lines = judged({10: measured(), 1000: found}).set_index("what")
    missed = ("shap per lead, times our reasons", "whole catalogue in F", "growth exponent of matrix")
    for what in (*missed, "a day's load, 1,000 leads against 10"):
        assert lines.loc[what, ["got", "met"]].tolist() == ["not measured", "no"], what


def test_a_day_may_cost_no_more_in_a_larger_company():
    lines = judged({10: measured(), 1000: measured(day_load=1.3)}).set_index("what")
    assert lines.loc["a day's load, 1,000 leads against 10", ["got", "met"]].tolist() == ["1.30", "no"]


def test_peers_are_told_what_every_engagement_feature_is():
    told = wanted()
    assert list(told) == [f.name for f in build_catalogue(default_agreement()) if f.over == "touches"]
    assert told["page_view_7d"] == ("count", ["page_view"], 7.0)
    assert told["page_view_decay_30d"] == ("decay", ["page_view"], 30.0)
    assert told["last_event_days"][:2] == ("since", ["*"])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"touches_7d": [1.0, 3.0]}, "polars makes another touches_7d: 3.0 for B, ours 2.0; 1 differ"),
        ({"last_touch_kind": ["chat", "chat"]}, "polars makes another last_touch_kind: chat for B, ours page_view"),
        ({"lead_id": ["A", "D"]}, "polars finds touches of 2 leads, we of 2, and they are not the same"),
    ],
)
def test_a_peer_that_makes_other_features_ends_the_run(tmp_path, rows, said):
    own = {"lead_id": ["A", "B", "C"], "touches_7d": [1.0, 2.0, 0.0], "last_event_days": [1.0, 2.0, None]}
    ours = pd.DataFrame(own | {"last_touch_kind": ["chat", "page_view", "unknown"]})
    its = ours.iloc[:2]
    ours.to_parquet(tmp_path / "ours.parquet")
    its.to_parquet(tmp_path / "its.parquet")
    compare(tmp_path / "ours.parquet", tmp_path / "its.parquet", "polars")
    its.assign(**rows).to_parquet(tmp_path / "its.parquet")
    with pytest.raises(SystemExit, match=said):
        compare(tmp_path / "ours.parquet", tmp_path / "its.parquet", "polars")
