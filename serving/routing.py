"""What to do next with each lead? Hard limits, then the rules' zone beside the model, then what there is time for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from data.agreement.model import ZONE_WORDS, ZONES, Agreement
from data.errors import DataError
from serving.exploration import NO_DRAWS, find_turns, hold_draw, lots_of_day
from serving.overrides import NO_OVERRIDES
from serving.routes import BY_RULES, CASES, CELLS, FEW, NURTURE, TELE_QUALIFY, Case, cases_where, in_percent


@dataclass(frozen=True)
class Routed:
    """The routes of one day, and what there was time for.

    `leads`: case (of `routes.CASES`), route, route_reason, contact (phone, e-mail, none), early, explored, propensity,
    draw (the draw that it took part in, or None), gain, gain_call, threshold, look_again (the day, or None).
    `capacity`: a row per team, for exploration, for limited calls and, where the agreement limits the leads of an
    account, for those (taken: the most of one account): team, limit, taken, held (of exploration: drawn without finding
    a place; that draw lapsed), shadow_price.
    """

    leads: pd.DataFrame
    capacity: pd.DataFrame


def choose_routes(
    leads: pd.DataFrame,
    agreement: Agreement,
    vouched: bool = False,
    past: pd.DataFrame = NO_DRAWS,
    wanted: pd.DataFrame = NO_OVERRIDES,
) -> Routed:
    """Routes of all open leads, one row each, on the same index; the order of rows decides nothing.

    `leads` needs lead_id, day, probability (NaN for all where no model is in use), probability_low, support,
    rule_points, zone, urgent, team (name or None), segment (index into `agreement.values.costs()`), may_call, may_mail,
    with_sales, cooling, reheat, episode (hand-offs so far), age_days (since the person last gave a sign), and may have
    `call_value`, what a call is expected to change for the better, by which calls are ranked, and `due`, false of those
    called a short time ago (`questions.weigh_calls`), and `account_id`, without which the leads of an account are not
    limited.
    `vouched`: the model has learned from enough explored hand-offs; without it the model alone never hands off under
    `quadrant`, as it only saw how sales answers leads that met the rules. `past`: the draws that leads took part in
    before, as `earlier_draws` gives them; by default none. `gain` is what a hand-off now is expected to be worth above
    waiting, `gain_call` what a call first is worth above none, both in the agreement's currency (docs/agreement.md,
    "What a hand-off is worth"). `wanted`: what people decided (`overrides.overrides_at`); it goes before all but hard
    limits, takes places first, and has no propensity.
    Raises DataError where only some leads have a probability.
    """
    day = weigh(leads, agreement)
    day = day.assign(**find_turns(day, agreement.exploration, past))
    wish = _heed(day, _wish(day, agreement, vouched), wanted)
    day["case"], day["words"] = pd.Categorical(wish["case"], categories=list(CASES)), wish["words"]
    for step in (_call_first, _limit_hand_offs, _release_early, _explore, _limit_calls):
        day = step(day, agreement)
    route_of = {name: case.route.name for name, case in CASES.items()}
    handed = _in_case(day, lambda c: c.route.to_sales).astype(float)
    found = day[["case", "gain", "gain_call", "threshold"]].assign(
        route=day["case"].astype(str).map(route_of),
        route_reason=_reasons(day, agreement),
        contact=_contact(day),
        early=_in_case(day, lambda c: c.early),
        explored=_in_case(day, lambda c: c.explored),
        propensity=day["chance"].fillna(handed).mask(_in_case(day, lambda c: c.overridden)),
        draw=day["draw"].where(day["chance"].notna(), None),
        look_again=_look_again(day, agreement),
    )
    return Routed(found.sort_index().set_axis(leads.index), _tally(day, agreement))


def prices(leads: pd.DataFrame, agreement: Agreement, vouched: bool) -> pd.DataFrame:
    """The leads as `weigh` gives them, with `price`: what one more place of the lead's team would be worth today.

    Nothing where the team has places left, or the agreement has no teams. `leads` as for `choose_routes`.
    """
    day = weigh(leads, agreement)
    day = _limit_hand_offs(day.assign(case=_wish(day, agreement, vouched)), agreement)
    left_out = day.loc[day["left_out"]].groupby("team")["gain"].max()
    return day.assign(price=day["team"].map(left_out).astype(float).fillna(0.0)).set_axis(leads.index[day.index])


def weigh(leads: pd.DataFrame, agreement: Agreement) -> pd.DataFrame:
    """The leads sorted by lead_id, which settles all ties, with what a hand-off of each is worth.

    Beside the columns of `leads`: threshold (p*), slope (what a probability of 1 is worth more than one of 0), gain,
    worth (the gain, or without a model the rules' points), outside and what routing needs.
    """
    known = int(leads["probability"].notna().sum())
    if known not in (0, len(leads)):
        every, got = "a probability for every lead, or for none", f"{known} of {len(leads)}"
        raise DataError("choosing routes", expected=every, got=got, do="score all leads with one model")
    day = leads.reset_index(drop=True).sort_values("lead_id", kind="stable")
    costs, segment = agreement.values.costs(), day["segment"].to_numpy(int)
    day["threshold"] = np.array([c.threshold for c in costs])[segment]
    day["spare_threshold"] = np.array([c.spare_threshold for c in costs])[segment]
    # p V + (1 - p) R - c - W, written so that it is exactly 0 at the threshold
    day["slope"] = np.array([c.acceptance - c.refusal for c in costs])[segment]
    day["gain"] = (day["probability"] - day["threshold"]) * day["slope"]
    day["worth"] = day["gain"] if known else day["rule_points"]
    day["zone"] = pd.Categorical(day["zone"], categories=ZONES)
    teams = agreement.capacity.teams
    day["team"] = pd.Index(list(teams), dtype=object).get_indexer(pd.Index(day["team"], dtype=object))
    day["team_limit"] = np.array([*(t.hand_offs_per_day for t in teams.values()), 0])[day["team"]]
    day["account"] = pd.factorize(day["account_id"])[0] if "account_id" in day else -1
    value = day.get("call_value", pd.Series(np.nan, day.index))
    day["callable"] = day["may_call"] & (day["due"].astype(bool) if "due" in day else True)
    day = day.assign(call_value=value.fillna(0.0), gain_call=value - agreement.calls.cost if known else np.nan)
    return day.assign(place=0, limit=0, left_out=False, crowded=0, outside=day["support"].eq("outside"))


def _wish(day: pd.DataFrame, agreement: Agreement, vouched: bool) -> pd.Series[str]:
    """The case of each lead before anybody's time is counted."""
    wish = _if_sure(day, _combine(day, agreement, vouched), agreement)
    wish = wish.mask(wish.isin(cases_where(lambda c: c.route is NURTURE)) & day["reheat"], "reheat")
    wish = wish.mask(wish.isin(cases_where(lambda c: c.route is TELE_QUALIFY)) & ~day["may_call"], "no_call")
    wish = wish.mask(day["cooling"], "cooling").mask(day["with_sales"], "with_sales")
    return wish.mask(~(day["may_call"] | day["may_mail"]), "blocked")


def may_go(day: pd.DataFrame, agreement: Agreement, vouched: bool) -> pd.Series[bool]:
    """Which leads go to sales by rules and model together, before anybody's time is counted.

    `day`: zone, probability, threshold and outside. Beyond the rules nobody that is unlike earlier hand-offs.
    """
    goes = _combine(day, agreement, vouched).isin(cases_where(lambda c: c.route.to_sales))
    return goes & (~day["outside"] | (day["zone"] == "qualified"))


def _heed(day: pd.DataFrame, wish: pd.Series[str], wanted: pd.DataFrame) -> pd.DataFrame:
    """The case and the words of each lead after what people decided; who may not be called is not called for that."""
    asked = wanted.set_index("lead_id").reindex(day["lead_id"]).set_axis(day.index)
    barred = wish.isin(["blocked", "with_sales"]) | (asked["route"].eq("tele_qualify") & ~day["may_call"])
    heeded = asked["route"].notna() & ~barred
    return pd.DataFrame({"case": wish.mask(heeded, "wanted_" + asked["route"]), "words": asked["words"].fillna("")})


def _combine(day: pd.DataFrame, agreement: Agreement, vouched: bool) -> pd.Series[str]:
    if _rules_alone(day, agreement):
        return day["zone"].map(BY_RULES).astype(object)
    margin = agreement.routing.beyond_rules if vouched else np.inf
    high, met = day["probability"] >= day["threshold"], day["zone"] == "qualified"
    beyond = day["probability"] >= day["threshold"] + margin
    *cells, neither = CELLS[agreement.routing.combine]
    wish = np.select([high & met, high & (day["zone"] == "unfit"), beyond, high, met], cells, neither)
    return pd.Series(wish, index=day.index, dtype=object)


def _if_sure(day: pd.DataFrame, wish: pd.Series[str], agreement: Agreement) -> pd.Series[str]:
    """Beyond the rules a lead outside the model's support is handed off by its lower bound alone; else it is called."""
    margin = agreement.routing.beyond_rules if agreement.routing.combine == "quadrant" else 0.0
    by_model = wish.isin(cases_where(lambda c: c.route.to_sales)) & (day["zone"] != "qualified")
    return wish.mask(by_model & day["outside"] & (day["probability_low"] < day["threshold"] + margin), "unsure")


def _call_first(day: pd.DataFrame, agreement: Agreement) -> pd.DataFrame:
    """Of hand-offs that the rules do not ask for, those that are worth more after a call: as many as can be called."""
    by_model = (
        _in_case(day, lambda c: c.takes_place and not c.overridden) & (day["zone"] != "qualified") & ~day["urgent"]
    )
    rest = _in_case(day, lambda c: c.route.by_tele or c.idle)
    place = _places(day["callable"] & (by_model | rest), np.zeros(len(day), int), day["call_value"], day["worth"])
    sooner = by_model & day["callable"] & (day["gain_call"] > 0) & (place <= agreement.capacity.calls_per_day)
    return _turn(day, sooner, "call_first")


def _limit_hand_offs(day: pd.DataFrame, agreement: Agreement) -> pd.DataFrame:
    """Each team takes the best of its leads, as many as it has time for; those the rules still miss are called."""
    wanted, nobody = _handed(day), (day["team"] < 0) & bool(agreement.capacity.teams)
    keys = _in_case(day, lambda c: c.overridden), day["urgent"] & day["gain"].isna(), day["worth"]
    room = day["team_limit"] if agreement.capacity.teams else np.inf
    line = _crowded(day, agreement, wanted & ~nobody, day["team"], room, _asked_for(day, agreement), *keys)
    day = _turn(day.assign(crowded=line), line > 0, "crowded", line, agreement.capacity.per_account or 0)
    if not agreement.capacity.teams:
        return day
    place = _places(wanted & ~nobody & (line == 0), day["team"], *keys)
    out, short = place > day["team_limit"], (day["case"] == "beyond") & day["may_call"]
    day = _turn(day.assign(left_out=out), wanted & nobody, "no_team")
    day = _turn(day, out & ~short, "no_place", place, day["team_limit"])
    return _turn(day, out & short, "meanwhile", place, day["team_limit"])


def _release_early(day: pd.DataFrame, agreement: Agreement) -> pd.DataFrame:
    """A team with time left takes the best of the rest: meanwhile a review costs nothing."""
    if agreement.capacity.spare == "keep" or not agreement.capacity.teams:
        return day
    alone = _rules_alone(day, agreement)
    sure = day["probability_low"].where(day["outside"], day["probability"])
    enough = day["zone"] == "nearly" if alone else sure >= day["spare_threshold"]
    rest = _in_case(day, lambda c: c.to_try) & (day["zone"] != "unfit") & enough & (day["team"] >= 0)
    left = day["team_limit"] - _handed(day).groupby(day["team"]).transform("sum")
    line = _crowded(day, agreement, rest, day["team"], left, _handed(day) | _asked_for(day, agreement), day["worth"])
    place = _places(rest & (line == 0), day["team"], day["worth"])
    return _turn(day, (place > 0) & (place <= left), "early_rules" if alone else "early")


def _explore(day: pd.DataFrame, agreement: Agreement) -> pd.DataFrame:
    """Hand off a random slice of the leads below the gate, in places of its own.

    It comes after all other hand-offs, so that who takes part goes to sales in no other way today. One that was drawn
    and found no place goes its usual way.
    """
    quota = agreement.exploration
    below = day["zone"].isin(["not_yet", "nearly"]) & (day["rule_points"] >= quota.floor)
    may = below & _in_case(day, lambda c: c.to_explore) & ((day["team"] >= 0) | (not agreement.capacity.teams))
    may &= ~_without_room(day, may & (day["due"] | day["kept"]), agreement)
    found = hold_draw(day[may & day["due"]], quota).reindex(day.index)
    picked = found["picked"].eq(True) | (may & day["kept"])
    chance = found["chance"].fillna(day["stated"].where(may))
    return _turn(day.assign(chance=chance, lapsed=found["drawn"].eq(True) & ~picked), picked, "explored")


def _without_room(day: pd.DataFrame, turn: pd.Series[bool], agreement: Agreement) -> Any:
    """Of leads whose turn to be explored has come, those for whom their account has no room left today.

    Who may take part is settled before the draw and by a hash of its own, so that every chance stays what it is said to
    be. The turn of the others stays open for some days.
    """
    if agreement.capacity.per_account is None:
        return np.zeros(len(day), bool)
    used, lot = _handed(day) | _asked_for(day, agreement), lots_of_day(day, agreement.exploration)
    return _crowded(day, agreement, turn, day["team"], np.inf, used, day["kept"], lot) > 0


def _limit_calls(day: pd.DataFrame, agreement: Agreement) -> pd.DataFrame:
    """Tele-qualification calls the best, as many as it has time for.

    First those whose answers may change most, whatever else would become of them, then those that the agreement wants
    called. Who is not called keeps its own route, or is nurtured until its turn comes.
    """
    day = _turn(day, _called(day) & ~day["callable"] & ~_in_case(day, lambda c: c.overridden), "resting")
    limit, wanted = agreement.capacity.calls_per_day, _called(day)
    held = (day["case"] == "no_place") & day["gain"].notna()
    idle = _in_case(day, lambda c: c.idle) | held
    asked = day["callable"] & (day["call_value"] > 0) & (idle | wanted)
    one, keys = np.zeros(len(day), int), (_in_case(day, lambda c: c.overridden), day["call_value"], day["worth"])
    handed, most = _in_case(day, lambda c: c.route.to_sales), agreement.capacity.per_account or 1
    line = _crowded(day, agreement, asked | wanted, one, limit, handed, *keys)
    place = _places((asked | wanted) & (line == 0), one, *keys)
    now, late, out = (place > 0) & (place <= limit), place > limit, wanted & (line > 0)
    turn = np.where(line > 0, (line - 1) // most, (place - 1) // limit)
    day = day.assign(waits=(asked | wanted) & (late | (line > 0)), turn=turn, crowded=np.maximum(day["crowded"], line))
    day = _turn(day, wanted & late, "no_time", place, limit)
    sooner = day["case"] == "call_first"
    day = _turn(day, out & ~sooner, "crowded_call", line, most)
    day = _turn(day, out & sooner, "crowded", line, most)
    day = _turn(day, now & held, "meanwhile", day["place"], day["limit"])
    return _turn(day, now & idle & ~held, "ask")


def _look_again(day: pd.DataFrame, agreement: Agreement) -> pd.Series[str]:
    """The day to come back to a lead that is nurtured: when its place in the line for calls, or in that of its account,
    is reached, or after it was quiet for as long as the agreement's [reheat] says."""
    resting = day["case"] == "resting"
    quiet = np.where(resting, agreement.calls.rest_days, agreement.reheat.quiet_days)
    days = np.where(day["waits"], day["turn"], np.ceil(quiet))
    again = pd.to_datetime(day["day"]) + pd.to_timedelta(days, unit="D")
    kept = _in_case(day, lambda c: c.route is NURTURE)
    return again.dt.strftime("%Y-%m-%d").astype(object).where(kept, None)


def _places(among: Any, group: Any, *keys: Any) -> np.ndarray:
    """Place 1, 2 ... of each lead `among` within its group, the highest keys first; 0 for the others."""
    rows, place = _best_first(among, *keys), np.zeros(len(among), int)
    place[rows] = pd.Series(rows).groupby(np.asarray(group)[rows]).cumcount() + 1
    return place


def _best_first(among: Any, *keys: Any) -> np.ndarray:
    """The positions of the leads `among`, the highest keys first."""
    rows = np.flatnonzero(among)
    return rows[np.lexsort([-np.asarray(key, dtype=float)[rows] for key in reversed(keys)])]


def _crowded(
    day: pd.DataFrame, agreement: Agreement, among: Any, group: Any, room: Any, used: pd.Series[bool], *keys: Any
) -> np.ndarray:
    """The place in the line of its account of each lead `among` that finds it full when its turn comes; else 0.

    Turns come by falling keys. A lead takes a place of its group and one of its account; where the group has no `room`
    left, it takes neither. `used`: leads that have a place of their account already. Leads without account are free.
    """
    line, most = np.zeros(len(day), int), agreement.capacity.per_account
    if most is None:
        return line
    account, groups = day["account"].to_numpy(), np.asarray(group)
    left = dict(zip(groups.tolist(), np.broadcast_to(room, len(day)).tolist(), strict=True))
    asked = Counter({**Counter(account[used].tolist()), -1: 0})
    for row in _best_first(among, *keys):
        own = account[row]
        if left[groups[row]] > 0:
            asked[own] += int(own >= 0)
            line[row] = asked[own] if asked[own] > most else 0
            left[groups[row]] -= int(line[row] == 0)
    return line


def _turn(day: pd.DataFrame, rows: Any, case: str, place: Any = 0, limit: Any = 0) -> pd.DataFrame:
    """The day with these rows in another case."""
    place, limit = np.where(rows, place, day["place"]), np.where(rows, limit, day["limit"])
    return day.assign(case=day["case"].mask(rows, case), place=place, limit=limit)


def _in_case(day: pd.DataFrame, of: Callable[[Case], bool]) -> pd.Series[bool]:
    """Of which leads this holds, of their case or its route."""
    return day["case"].isin(cases_where(of))


def _handed(day: pd.DataFrame) -> pd.Series[bool]:
    """Hand-offs that take a place of a team."""
    return _in_case(day, lambda c: c.takes_place)


def _asked_for(day: pd.DataFrame, agreement: Agreement) -> pd.Series[bool]:
    """Calls that a person decided on and that will be made: they count for their accounts before any hand-off."""
    asked, one = _called(day) & _in_case(day, lambda c: c.overridden), np.zeros(len(day), int)
    limit, keys = agreement.capacity.calls_per_day, (day["call_value"], day["worth"])
    asked &= _crowded(day, agreement, asked, one, limit, asked & False, *keys) == 0
    made: pd.Series[bool] = asked & (_places(asked, one, *keys) <= limit)
    return made


def _called(day: pd.DataFrame) -> pd.Series[bool]:
    return _in_case(day, lambda c: c.route.by_tele) & day["may_call"]


def _rules_alone(day: pd.DataFrame, agreement: Agreement) -> bool:
    return agreement.routing.combine == "rules_only" or bool(day["probability"].isna().all())


def _contact(day: pd.DataFrame) -> np.ndarray:
    """The channel that each lead's route uses; a call before an e-mail."""
    called = _in_case(day, lambda c: c.route.by_phone) & day["may_call"]
    written = _in_case(day, lambda c: c.route.by_mail) & day["may_mail"]
    return np.select([called, written], ["phone", "e-mail"], "none")


def _reasons(day: pd.DataFrame, agreement: Agreement) -> pd.Series[str]:
    """One sentence per lead; figures are rounded, but never so that a side of the threshold cannot be seen."""
    forced = agreement.routing.combine == "rules_only"
    alone = "under this agreement the rules decide alone" if forced else "no model is in use"
    zone, names = day["zone"].cat.rename_categories(ZONE_WORDS), [*agreement.capacity.teams, ""]
    points = day["rule_points"].round().astype(int)
    p = day["probability"].fillna(0)
    columns = [day[c] for c in ("case", "threshold", "place", "limit", "team", "outside", "words")]
    figures = (*columns, p, zone, points)
    rows = zip(*(figure.tolist() for figure in figures), strict=True)
    rest = f"{agreement.calls.rest_days:g}"
    return pd.Series([_why(row, names, alone, rest) for row in rows], index=day.index, dtype=str)


def _why(row: tuple[Any, ...], teams: list[str], alone: str, rest: str) -> str:
    case, threshold, place, limit, team, outside, words, p, zone, points = row
    shown, pays = in_percent(p, threshold)
    figures = {
        "p": shown,
        "pays": pays,
        "zone": zone,
        "points": points,
        "place": place,
        "limit": limit,
        "words": words,
        "rest": rest,
    }
    why = CASES[case].why.format(**figures, team=teams[team], alone=alone)
    return f"{why} ({FEW})" if outside and "{p}" in CASES[case].why and FEW not in why else why


def _tally(day: pd.DataFrame, agreement: Agreement) -> pd.DataFrame:
    """How much of each limit is used, and what one more place would be worth today."""
    case, calls, quota = day["case"], agreement.capacity.calls_per_day, agreement.exploration
    rows: list[tuple[Any, ...]] = []
    for code, (name, team) in enumerate(agreement.capacity.teams.items()):
        own = day["team"] == code
        out = own & day["left_out"]
        price = day.loc[out, "gain"].max() if out.any() or day["gain"].isna().all() else 0.0
        rows.append((name, team.hand_offs_per_day, (own & _handed(day)).sum(), out.sum(), price))
    if any(quota.by_band):
        rows.append(("exploration", quota.per_day, (case == "explored").sum(), day["lapsed"].sum(), np.nan))
    waits, crowded, called = day["waits"] & (day["crowded"] == 0), day["crowded"] > 0, _called(day)
    rows.append(("tele_qualification", calls, called.sum(), waits.sum(), _price(day, day.loc[waits, "gain_call"])))
    if most := agreement.capacity.per_account:
        busy = day.loc[(called | _in_case(day, lambda c: c.route.to_sales)) & (day["account"] >= 0), "account"]
        price = _price(day, day["gain"].where(case == "crowded", day["gain_call"])[crowded])
        rows.append(("one account", most, np.bincount(busy, minlength=1).max(), crowded.sum(), price))
    return pd.DataFrame(rows, columns=["team", "limit", "taken", "held", "shadow_price"])


def _price(day: pd.DataFrame, left_out: pd.Series[float]) -> float:
    """The best gain left out, at least 0; NaN without a model."""
    if left_out.notna().any():
        return max(float(left_out.max()), 0.0)
    return np.nan if day["gain"].isna().all() else 0.0
