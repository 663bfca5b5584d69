"""What must hold for the routes of any leads under any agreement."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.agreement.file import default_agreement
from data.agreement.model import ZONES, Agreement
from serving.routing import Routed, choose_routes

often = settings(max_examples=30)
TEAMS = ("north", "south")
teams = st.dictionaries(st.sampled_from(TEAMS), st.fixed_dictionaries({"hand_offs_per_day": st.integers(1, 12)}))
costs = {
    "acceptance": st.integers(500, 5000),
    "review": st.integers(1, 200),
    "waiting": st.integers(0, 250),
    "recyclable": st.floats(0, 1),
    "trust": st.integers(0, 60),
}
segment = st.fixed_dictionaries({"name": st.just("big"), "when": st.just("employees > 100")}, optional=costs)


def agree(**parts: Any) -> Agreement:
    return Agreement.model_validate({**default_agreement().model_dump(), **parts})


agreements = st.builds(
    agree,
    routing=st.fixed_dictionaries(
        {
            "combine": st.sampled_from(["quadrant", "and", "model_only", "rules_only"]),
            "beyond_rules": st.floats(0, 1),
        }
    ),
    capacity=st.fixed_dictionaries(
        {
            "teams": teams,
            "calls_per_day": st.integers(1, 15),
            "spare": st.sampled_from(["keep", "release_early"]),
            "per_account": st.sampled_from([None, 1, 2, 5]),
        }
    ),
    exploration=st.fixed_dictionaries(
        {
            "share": st.sampled_from([0, 0.05, 0.9]),
            "floor": st.sampled_from([-20, 0, 40]),
            "per_day": st.integers(1, 8),
            "seed": st.integers(0, 99),
        }
    ),
    values=st.fixed_dictionaries({**costs, "segments": st.lists(segment, min_size=2, max_size=2)}),
)


def company(seed: int, n: int, model: bool) -> pd.DataFrame:
    """Random leads; points and probabilities on a coarse grid, so that ties happen."""
    rng = np.random.default_rng(seed)
    digital, research = rng.integers(-2, 8, n) * 10.0, rng.integers(-2, 8, n) * 10.0
    return pd.DataFrame(
        {
            "lead_id": [f"L{i}" for i in rng.permutation(n)],
            "probability": np.round(rng.beta(1, 3, n), 2) if model else np.nan,
            "probability_low": 0.1,
            "support": rng.choice(["inside", "outside"], n),
            "digital_points": digital,
            "research_points": research,
            "rule_points": digital + research,
            "zone": rng.choice(ZONES, n),
            "urgent": rng.random(n) < 0.2,
            "team": rng.choice(np.array([*TEAMS, None]), n),
            "segment": rng.integers(0, 3, n),
            "may_call": rng.random(n) < 0.7,
            "may_mail": rng.random(n) < 0.7,
            "with_sales": rng.random(n) < 0.1,
            "cooling": rng.random(n) < 0.1,
            "reheat": rng.random(n) < 0.2,
            "call_value": rng.choice([np.nan, 0.0, 3.0, 8.0, 30.0], n) if model else np.nan,
            "episode": rng.integers(0, 3, n),
            "day": "2026-03-01",
            "age_days": rng.choice([0.5, 6.9, 20, 60, 200], n),
            "account_id": rng.choice(np.array([None, *"ABCDEFGH"]), n),
        },
        index=rng.permutation(n) + 1000,
    )


companies = st.builds(company, st.integers(0, 2**16), st.sampled_from([1, 30, 150]), st.booleans())
days = given(leads=companies, agreement=agreements, vouched=st.booleans())


def beside(leads: pd.DataFrame, routed: Routed) -> pd.DataFrame:
    return leads.join(routed.leads, validate="1:1")


@pytest.mark.slow
@often
@days
def test_no_route_uses_a_channel_that_the_lead_does_not_allow(leads, agreement, vouched):
    found = beside(leads, choose_routes(leads, agreement, vouched))
    assert found.loc[found["contact"] == "phone", "may_call"].all()
    assert found.loc[found["contact"] == "e-mail", "may_mail"].all()
    assert ((found["route"] == "blocked") == ~(found["may_call"] | found["may_mail"])).all()
    silent = found["route"].isin(["blocked", "with_sales", "manager_check", "hold"])
    spoken = found["route"].isin(["hand_off", "tele_qualify", "reheat"])
    assert (found.loc[silent, "contact"] == "none").all()
    assert (found.loc[spoken, "contact"] != "none").all()


@often
@days
def test_nobody_gets_more_than_there_is_time_for(leads, agreement, vouched):
    routed = choose_routes(leads, agreement, vouched)
    found = beside(leads, routed)
    handed = found[(found["route"] == "hand_off") & ~found["explored"]]
    calls = found["route"].isin(["tele_qualify", "reheat"]) & (found["contact"] == "phone")
    taken = {team: int((handed["team"] == team).sum()) for team in agreement.capacity.teams}
    taken |= {"exploration": int(found["explored"].sum()), "tele_qualification": int(calls.sum())}
    rows = routed.capacity.set_index("team")
    assert (rows["taken"] <= rows["limit"]).all()
    assert all(row["taken"] == taken[team] for team, row in rows.drop("one account", errors="ignore").iterrows())
    assert (rows.loc[rows["held"] > 0, "taken"] == rows.loc[rows["held"] > 0, "limit"]).all(), "none waits in vain"
    most = agreement.capacity.per_account
    of_account = found.loc[(found["route"] == "hand_off") | calls, "account_id"].value_counts().max()
    assert ("one account" in rows.index) == (most is not None)
    assert most is None or np.nan_to_num(of_account) == rows.loc["one account", "taken"] <= most
    assert set(agreement.capacity.teams) <= set(rows.index)
    assert "tele_qualification" in rows.index
    if agreement.capacity.teams:
        assert handed["team"].isin(agreement.capacity.teams).all()


@often
@days
def test_without_a_limit_per_account_accounts_decide_nothing(leads, agreement, vouched):
    free = agreement.model_copy(update={"capacity": agreement.capacity.model_copy(update={"per_account": None})})
    routed, blind = choose_routes(leads, free, vouched), choose_routes(leads.drop(columns="account_id"), free, vouched)
    pd.testing.assert_frame_equal(routed.leads, blind.leads)
    pd.testing.assert_frame_equal(routed.capacity, blind.capacity)
    limited = agreement.model_copy(update={"capacity": agreement.capacity.model_copy(update={"per_account": 1})})
    alone = choose_routes(leads.assign(account_id=None), limited, vouched)
    pd.testing.assert_frame_equal(alone.leads, blind.leads)
    enough = agreement.model_copy(update={"capacity": agreement.capacity.model_copy(update={"per_account": 1000})})
    pd.testing.assert_frame_equal(choose_routes(leads, enough, vouched).leads, blind.leads)


@often
@given(leads=companies, agreement=agreements, vouched=st.booleans(), asked=st.integers(0, 2**16))
def test_a_limit_per_account_holds_for_overrides_too_and_counts_them_first(leads, agreement, vouched, asked):
    """Where one is left out, the account's places went to overrides alone."""
    rng, most = np.random.default_rng(asked), agreement.capacity.per_account
    some = leads["lead_id"][rng.random(len(leads)) < 0.1]
    routes = rng.choice(["hand_off", "tele_qualify", "reheat", "nurture"], len(some))
    wanted = pd.DataFrame({"lead_id": some, "route": routes, "words": "Kim asked for it"})
    found = beside(leads, choose_routes(leads, agreement, vouched, wanted=wanted))
    called = found["route"].isin(["tele_qualify", "reheat"]) & (found["contact"] == "phone")
    busy = found[((found["route"] == "hand_off") | called) & found["account_id"].notna()]
    assert most is None or busy.empty or busy["account_id"].value_counts().max() <= most
    crowded = found["route_reason"].str.contains("leads of its company") & found["lead_id"].isin(some)
    by_override = busy.loc[busy["route_reason"] == "Kim asked for it", "account_id"].value_counts()
    assert all(by_override.get(account, 0) == most for account in found.loc[crowded, "account_id"])


@pytest.mark.slow
@often
@days
def test_the_order_of_rows_changes_nothing(leads, agreement, vouched):
    one = choose_routes(leads, agreement, vouched)
    mixed = leads.sample(frac=1, random_state=1)
    other = choose_routes(mixed, agreement, vouched)
    pd.testing.assert_frame_equal(other.leads, one.leads.loc[mixed.index])
    pd.testing.assert_frame_equal(other.capacity, one.capacity)
    assert other.leads.loc[leads.index].to_csv() == one.leads.to_csv()


@often
@days
def test_those_who_wait_are_worth_no_more_than_those_taken(leads, agreement, vouched):
    routed = choose_routes(leads.assign(probability=leads["probability"].fillna(0.3)), agreement, vouched)
    found = beside(leads, routed)
    price = routed.capacity.set_index("team")["shadow_price"]
    for team in agreement.capacity.teams:
        own = found[found["team"] == team]
        held = own.loc[own["route_reason"].str.contains(f"for team {team}"), "gain"]
        taken = own.loc[(own["route"] == "hand_off") & ~own["explored"] & ~own["early"], "gain"]
        assert held.empty or held.max() <= taken.min()
        assert price[team] == (0 if held.empty else held.max())
        assert agreement.routing.combine != "quadrant" or price[team] >= 0


@pytest.mark.slow
@often
@days
def test_sales_sees_the_unfit_only_where_the_model_decides_alone(leads, agreement, vouched):
    """Under `model_only` the agreement asks for it; everywhere else a manager looks first, or nobody."""
    found = beside(leads, choose_routes(leads, agreement, vouched))
    unfit = found[found["zone"] == "unfit"]
    decides = agreement.routing.combine == "model_only"
    assert decides or (unfit["route"] != "hand_off").all()
    assert not unfit["early"].any()
    assert not unfit["explored"].any()


@pytest.mark.slow
@often
@days
def test_who_is_explored_released_early_or_reheated(leads, agreement, vouched):
    found = beside(leads, choose_routes(leads, agreement, vouched))
    quota, spare = agreement.exploration, agreement.capacity.spare
    explored, early = found[found["explored"]], found[found["early"]]
    assert explored["zone"].isin(["not_yet", "nearly"]).all()
    assert (explored["rule_points"] >= quota.floor).all()
    took_part, handed = found["draw"].notna(), found["route"] == "hand_off"
    assert took_part[found["explored"]].all()
    assert found.loc[took_part, "propensity"].between(0, quota.share, inclusive="right").all()
    assert (found.loc[~took_part, "propensity"] == handed[~took_part]).all()
    assert not (took_part & handed & ~found["explored"]).any()
    assert early.empty or (spare == "release_early" and (early["route"] == "hand_off").all())
    assert found.loc[found["route"] == "reheat", "reheat"].all()


@often
@days
def test_every_lead_has_a_route_and_a_sentence(leads, agreement, vouched):
    found = choose_routes(leads, agreement, vouched).leads
    assert list(found.index) == list(leads.index)
    assert found.drop(columns=["gain", "gain_call", "draw", "look_again"]).notna().all(axis=None)
    assert not found["route_reason"].str.contains(r"[{}_]|nan|-\d+ %").any()
