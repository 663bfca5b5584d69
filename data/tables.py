"""Which tables are there, those that come in and those that go out: columns, types, units, keys, allowed values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

ColumnType = Literal["text", "time", "number", "whole", "flag"]
SQL_TYPES = {"text": "VARCHAR", "time": "TIMESTAMP", "number": "DOUBLE", "whole": "BIGINT", "flag": "BOOLEAN"}
PANDAS_TYPES = {"text": "str", "time": "datetime64[us]", "number": "float64", "whole": "int64", "flag": "boolean"}
"""Of a column in the warehouse, where times are UTC, and in a frame."""

TOUCH_KINDS = (
    "page_view",
    "pricing_view",
    "email_open",
    "email_click",
    "email_reply",
    "form_start",
    "form_submit",
    "content_download",
    "webinar_register",
    "webinar_attend",
    "event_attend",
    "ad_click",
    "chat",
    "task_scheduled",
    "unsubscribe",
    "other",
)
TOUCH_CHANNELS = ("web", "email", "webinar", "event", "ad", "social", "chat", "phone", "internal", "other")
CONNECTED = ("connected", "callback", "not_interested", "meeting_booked")
DISPOSITIONS = (*CONNECTED, "no_answer", "voicemail", "busy", "gatekeeper", "wrong_number", "unknown")
ANSWER_STATES = ("not_asked", "refused", "no", "yes")
DECISIONS = ("accepted", "rejected")
SUPPORT = ("inside", "outside")
MOST = 1e15
"""No amount of money in any currency and no number of a source's own column is larger."""
PERMISSIONS = ("all", "no_call", "no_mail", "none", "unknown")


@dataclass(frozen=True)
class Column:
    """One column: its meaning says the unit; `personal` columns are stored and never leave as features or logs.

    `id_of`: the table of what its ids name; they are stored in one form (data/intake/keys.py).
    """

    name: str
    type: ColumnType
    meaning: str
    required: bool = False
    allowed: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    personal: bool = False
    id_of: str = ""


@dataclass(frozen=True)
class Table:
    """One table.

    `key` names what is described; rows of one key with different `known_at` are versions of it, and a version is
    in force for `known_at < as_of <= superseded_at`. `event_id` is that column of the key which holds the source's own
    id of an event; rows without one are events of their own, each different row another one.
    `occurred_at` is the column that says when it happened; `known_from` is the SQL expression that a backfill uses
    for `known_at` (default: `occurred_at`, else long ago). `extras`: columns beyond these are kept and become features,
    stored under a name that no query of ours can mean (`extra`).

    A table of events that features may be over also has SQL over its row `e`: of what `kind` an event is, and whether
    it `counts`. Of one that is `of_sales` a snapshot sees what was known before its `sales_until` instead of `as_of`.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...] = ()
    key: tuple[str, ...] = ()
    event_id: str | None = None
    occurred_at: str | None = None
    known_from: str | None = None
    extras: bool = False
    kind: str | None = None
    counts: str = "true"
    of_sales: bool = False

    def of(self, *columns: Column) -> Table:
        """The table with these columns."""
        return replace(self, columns=columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, of a table of sources those that a source may give: `known_at` left out."""
        return tuple(c.name for c in self.columns)

    def some(self, *names: str) -> tuple[Column, ...]:
        """The columns of these names, for a table that has them too."""
        by_name = {c.name: c for c in self.columns}
        return tuple(by_name[name] for name in names)

    def extra(self, name: str) -> str:
        """Under what name a source's own column is stored: `lead.Stage`, so that none collides with ours."""
        return f"{self.name.removesuffix('s')}.{name}"

    @property
    def pandas_types(self) -> dict[str, str]:
        """The type of each column in a frame."""
        return {c.name: PANDAS_TYPES[c.type] for c in self.columns}


LEAD_ID = Column("lead_id", "text", "the lead", required=True, id_of="leads")
AS_OF = Column("as_of", "time", "the moment; only what was known before it is used", required=True)

ACCOUNTS = Table("accounts", "companies", key=("account_id",), extras=True).of(
    Column("account_id", "text", "the company", required=True, id_of="accounts"),
    Column("industry", "text", "its industry"),
    Column("employees", "number", "its staff, in persons", least=0, most=1e7),
    Column("annual_revenue", "number", "its yearly revenue, in the company's own currency", least=0, most=MOST),
    Column("country", "text", "where it is"),
    Column("name", "text", "its name", personal=True),
)
LEADS = Table("leads", "people who showed interest", key=("lead_id",), occurred_at="created_at", extras=True).of(
    LEAD_ID,
    Column("account_id", "text", "the company the lead belongs to", id_of="accounts"),
    Column("created_at", "time", "when the lead came in", required=True),
    Column("source", "text", "what brought the lead in"),
    Column("title", "text", "job title as given"),
    Column("job_function", "text", "function as given; else read from the title"),
    Column("seniority", "text", "seniority as given; else read from the title"),
    Column("country", "text", "where the lead is"),
    Column("permission", "text", "how the lead may be contacted", allowed=PERMISSIONS),
    Column("name", "text", "the person's name", personal=True),
    Column("email", "text", "e-mail address", personal=True),
    Column("phone", "text", "phone number", personal=True),
)
TOUCHES = Table(
    "touches",
    "digital engagement",
    key=("lead_id", "event_id"),
    event_id="event_id",
    occurred_at="occurred_at",
    kind="""CASE WHEN e.is_bot THEN 'bot' WHEN e.direction = 'outbound'
        AND e.kind NOT IN ('task_scheduled', 'unsubscribe') THEN 'outbound' ELSE e.kind END""",
).of(
    LEAD_ID,
    Column("occurred_at", "time", "when it happened", required=True),
    Column("kind", "text", "what kind of touch it was", required=True, allowed=TOUCH_KINDS),
    Column("channel", "text", "by which channel", allowed=TOUCH_CHANNELS),
    Column("asset", "text", "page, mail or document"),
    Column("direction", "text", "who acted", allowed=("inbound", "outbound")),
    Column("is_bot", "flag", "whether a scanner or bot made it"),
    Column(
        "event_id", "text", "the source's own id of the touch: a later row of the same id corrects it", id_of="touches"
    ),
)
CALLS = Table(
    "calls",
    "dials and call sessions of tele-qualification",
    key=("lead_id", "call_id"),
    event_id="call_id",
    occurred_at="called_at",
    known_from="called_at + to_microseconds(coalesce(duration_s * 1e6, 0)::BIGINT)",
    kind="e.disposition",
).of(
    LEAD_ID,
    Column("called_at", "time", "when the call began", required=True),
    Column("agent_id", "text", "who called"),
    Column("purpose", "text", "what the call was for"),
    Column("disposition", "text", "how it ended", allowed=DISPOSITIONS),
    Column("duration_s", "number", "its length in seconds", least=0, most=864_000),
    Column("notes", "text", "what the agent wrote", personal=True),
    Column("call_id", "text", "the source's own id of the call: a later row of the same id corrects it", id_of="calls"),
)
ANSWERS = Table(
    "answers",
    "what was learned about a criterion",
    key=("lead_id", "criterion", "answered_at"),
    occurred_at="answered_at",
    kind="e.criterion",
    counts="e.state <> 'not_asked'",
).of(
    LEAD_ID,
    Column("answered_at", "time", "when it was learned", required=True),
    Column("criterion", "text", "budget, authority, need, timeframe or any the agreement names", required=True),
    Column("state", "text", "whether it was asked and what came back", required=True, allowed=ANSWER_STATES),
    Column("level", "text", "the answer's level in the agreement's words"),
    Column("source", "text", "how it was learned", allowed=("call", "form", "research")),
)
HANDOFFS = Table(
    "handoffs",
    "leads given to sales",
    key=("lead_id", "handed_off_at"),
    occurred_at="handed_off_at",
    kind="e.route",
    of_sales=True,
).of(
    LEAD_ID,
    Column("handed_off_at", "time", "when it was handed off", required=True),
    Column("route", "text", "by which route or rule"),
    Column("propensity", "number", "the chance this lead had of being handed off", least=0, most=1),
    Column("policy_version", "text", "the policy that handed it off"),
)
DECISIONS_TABLE = Table(
    "decisions",
    "what sales decided; without handed_off_at it is a rejection before any hand-off",
    key=("lead_id", "handed_off_at"),
    occurred_at="decided_at",
    kind="e.decision",
    of_sales=True,
).of(
    LEAD_ID,
    Column("handed_off_at", "time", "the hand-off it answers"),
    Column("decision", "text", "what was decided", required=True, allowed=DECISIONS),
    Column("decided_at", "time", "when it was decided", required=True),
    Column("reason", "text", "why"),
    Column("sales_rep", "text", "who decided"),
)
OPPORTUNITIES = Table(
    "opportunities",
    "deals that came from accepted leads",
    key=("lead_id", "opened_at"),
    occurred_at="opened_at",
    known_from="coalesce(closed_at, opened_at)",
).of(
    LEAD_ID,
    Column("opened_at", "time", "when the deal was opened", required=True),
    Column("stage", "text", "its stage"),
    Column("amount", "number", "its value", least=-MOST, most=MOST),
    Column("margin", "number", "what it earned", least=-MOST, most=MOST),
    Column("closed_at", "time", "when it was closed"),
    Column("won", "flag", "whether it was won"),
)

TABLES: dict[str, Table] = {
    t.name: t for t in (ACCOUNTS, LEADS, TOUCHES, CALLS, ANSWERS, HANDOFFS, DECISIONS_TABLE, OPPORTUNITIES)
}
"""In the order in which a batch is stored: what others refer to comes first."""
EVENTS = tuple(t.name for t in TABLES.values() if t.kind)
"""The tables of events that features may be over."""

TO_SALES = ("hand_off",)
"""The routes that hand a lead off to sales."""
SCORES = Table(
    "scores", "what to do next with each open lead, and why: one row per lead and `as_of`", key=("as_of", "lead_id")
).of(
    LEAD_ID,
    AS_OF,
    Column("stale", "text", "what is out of date, where no new touches or calls have come in for days"),
    Column("probability", "number", "how likely sales is to accept it within the horizon (14 days) if handed off"),
    Column(
        "probability_low",
        "number",
        "lower bound of the share accepted among leads with such a score, not of what one lead does",
    ),
    Column("probability_high", "number", "upper bound of that share; both are wider outside what past hand-offs cover"),
    Column(
        "support", "text", "`inside`, or `outside` what past hand-offs cover: then go by the bounds", allowed=SUPPORT
    ),
    Column("digital_points", "number", "the rules' points for what the lead did online"),
    Column("research_points", "number", "the rules' points for what was learned by phone and research"),
    Column("rule_points", "number", "both together; `leadready agreement explain` lists them line by line"),
    Column("zone", "text", "what the rules say: `qualified`, `nearly`, `not_yet` or `unfit`"),
    Column("urgent", "flag", "need, timeframe and similar answers came together"),
    Column("missing", "text", "required criteria that have no points yet"),
    Column("route", "text", "what to do next"),
    Column("route_reason", "text", "why that route, in one sentence"),
    Column("contact", "text", "the channel of that route that the lead allows: `phone`, `e-mail` or `none`"),
    Column("team", "text", "who in sales takes it"),
    Column("promise_hours", "number", "hours within which sales promised to follow up"),
    Column("promise_due_at", "time", "when these hours are over, in UTC"),
    Column("persona", "text", "the kind of person, if the agreement names personas"),
    Column("buying_stage", "text", "how far the lead is in buying"),
    Column("message", "text", "what to say to such a person at that stage"),
    Column("information", "text", "what such a person needs to know next"),
    Column("reason_1", "text", "why this score differs from that of the average hand-off; the strongest reason first"),
    Column("reason_2", "text", "the next reason, for or against; empty where no other reason is sure enough"),
    Column("reason_3", "text", "the next reason"),
    Column("reason_4", "text", "the last reason; there are at most four"),
    Column("reasons_checked", "flag", "whether refits of the model confirm the reasons"),
    Column("log_odds_base", "number", "log-odds of the average hand-off; plus the next six columns: the score's"),
    Column("contribution_fit", "number", "what the lead's and its company's traits add"),
    Column("contribution_engagement", "number", "what its online activity adds"),
    Column("contribution_calls", "number", "what its calls add"),
    Column("contribution_qualification", "number", "what its answers and the rules' points add"),
    Column("contribution_account", "number", "what the other leads of its company add"),
    Column("contribution_journey", "number", "what its arrival and earlier decisions of sales add"),
    Column("gain", "number", "expected gain of a hand-off now over waiting, in the agreement's currency"),
    Column("gain_call", "number", "expected gain of calling the lead first over not calling it, cost of the call paid"),
    Column("reach", "number", "the chance that a call reaches the person"),
    Column("next_question", "text", "what to ask first: the criterion whose answer may change most"),
    Column("then_question", "text", "what to ask after that, where two answers together may change more"),
    Column("estimates", "text", "what each answer to the first question would make of the estimate"),
    Column(
        "changed",
        "text",
        "of leads on a list and those that moved most: how far since the last scoring of an earlier day, and why",
    ),
    Column("look_again", "text", "the day to come back to a lead that is nurtured until then"),
    Column("threshold", "number", "p*, the probability above which a hand-off pays off"),
    Column("early", "flag", "released early, because sales had time to spare"),
    Column("explored", "flag", "picked at random, to learn how sales responds"),
    Column("propensity", "number", "the chance that this lead had of being handed off"),
    Column(
        "draw",
        "text",
        "the random choice that it took part in: hand-offs before it / the number of its turn",
    ),
    Column("exploration_seed", "whole", "the seed of the random choice"),
    Column("policy_version", "text", "agreement and model that decided"),
    Column("model_version", "text", "the model in MLflow's registry (`none`: the rules alone routed)"),
    Column(
        "model_status",
        "text",
        "`in use`, `provisional` (ahead, but on too few later leads or labels to be sure), `rules only`, "
        "or `retrain: the label changed`",
    ),
    Column("agreement_version", "text", "the agreement that was in force"),
    Column("catalogue_version", "text", "the definitions of the features used"),
)
TIERS = ("fine", "note", "act", "block")
"""Of what monitoring finds: nothing; look when you can; somebody has to act; the data are broken, so do not score."""
PUBLICATIONS = Table("publications", "where the files of each `as_of` are", key=("as_of",)).of(
    AS_OF,
    Column("folder", "text", "their folder below exports; empty once `leadready tidy` removed it"),
    Column("day", "text", "the calendar day they belong to; of an older leadready empty: the day in UTC"),
    Column("number", "whole", "its place in the order in which publications were made"),
    Column("basis", "text", "what it rested on, as JSON: `leadready replay` computes it again from that"),
    Column("thinned", "flag", "whether `leadready tidy` removed its scores, but for those that later work reads"),
)
FAILURES = Table(
    "failures",
    "what could not be scored or stored at the newest scoring, by why; without values",
    key=("kind", "source", "table_name", "why"),
).of(
    AS_OF,
    Column("kind", "text", "which of the two", allowed=("not scored", "quarantined")),
    Column("source", "text", "of quarantined rows: their source; else empty"),
    Column("table_name", "text", "the table whose rows they are"),
    Column("why", "text", "why"),
    Column("rows", "whole", "how many"),
)

DISTRIBUTIONS = Table(
    "distributions",
    "how the leads of a scoring spread over the bins of a feature",
    key=("as_of", "leads", "feature", "bin"),
).of(
    AS_OF,
    Column("leads", "text", "which leads: `all` that were scored, or the `new` ones of the last four weeks"),
    Column("feature", "text", "its name, or `probability`"),
    Column("bin", "text", "a range of its values, or a value"),
    Column("counted", "whole", "how many of these leads are in it"),
)
WATCHED = Table("watched", "what monitoring found at a moment", key=("as_of", "kind", "about")).of(
    AS_OF,
    Column("kind", "text", "what was looked at"),
    Column("about", "text", "of what: a table, a feature, a zone ..."),
    Column("tier", "text", "how bad it is", allowed=TIERS),
    Column("value", "number", "what was measured; empty where it cannot be told yet"),
    Column("alarm_at", "number", "from where on it is an alarm"),
    Column("says", "text", "what that means, in words"),
)
OVERRIDES = Table(
    "overrides", "what people decided about a lead, against score and rules", key=("lead_id", "decided_at")
).of(
    LEAD_ID,
    Column("route", "text", "what they want done"),
    Column("why", "text", "their reason"),
    Column("decided_by", "text", "who decided"),
    Column("decided_at", "time", "when"),
    Column("holds_until", "time", "until when it holds; a later one about the same lead takes its place"),
)
FEEDBACK = Table("feedback", "what people said about a score on the web page", key=("feedback_id",)).of(
    Column("feedback_id", "text", "its id"),
    LEAD_ID,
    Column("about", "text", "the reason it is about; empty: the score"),
    Column("verdict", "text", "what they found", allowed=("helpful", "wrong")),
    Column("words", "text", "in their words"),
    Column("said_by", "text", "who said it"),
    Column("said_at", "time", "when"),
)
RETRACTIONS = Table("retractions", "what was taken back: a row each, in force from its known_at").of(
    Column("what", "text", "what was", allowed=("batch", "lead", "merge", "forget", "column")),
    Column("key", "text", "the batch, the lead, its salted hash (`forget`) or `table.column`"),
    Column("merged_into", "text", "of a merge: the lead that stays"),
    Column("known_at", "time", "since when"),
    Column("why", "text", "why"),
)

REPORT_LEADS = Table("leads", "a row per lead: when it first reached each milestone", key=("lead_id",)).of(
    LEAD_ID,
    Column("account_id", "text", "its company"),
    Column("industry", "text", "its industry"),
    Column("employees_band", "text", "the size of its company, in persons"),
    Column("persona", "text", "the kind of person, by the agreement in force at the report's as_of"),
    Column("source", "text", "what brought the lead in"),
    Column("inquiry_at", "time", "when it came in"),
    Column("automation_qualified_at", "time", "when its digital points reached the threshold"),
    Column("tele_accepted_at", "time", "when it was first called after that"),
    Column("tele_qualified_at", "time", "when after that it was first qualified"),
    Column("tele_generated_at", "time", "when it was qualified after a call alone"),
    Column("sales_accepted_at", "time", "when sales accepted a hand-off of it"),
    Column("sales_generated_at", "time", "when sales took it up without a hand-off"),
    Column("sales_qualified_at", "time", "when a deal was opened"),
    Column("won_at", "time", "when a deal was won"),
)
PROMISES = Table(
    "promises", "a row per version of the agreement and zone (or urgent)", key=("agreement_version", "promise")
).of(
    Column("agreement_version", "text", "the version of the agreement"),
    Column("effective_from", "time", "the day from which it is in force"),
    Column("promise", "text", "the zone, or urgent"),
    Column("promise_hours", "number", "hours in which sales promised to answer; empty: nothing promised"),
    Column("hours_count", "text", "when these hours run"),
    Column("breach", "text", "what happens when the promise is broken"),
)
TRAITS = REPORT_LEADS.some("lead_id", "account_id", "industry", "employees_band", "persona", "source")
REPORT_HANDOFFS = Table(
    "handoffs",
    "a row per hand-off: its promise, the decision, and what came before it",
    key=("lead_id", "handed_off_at"),
).of(
    *TRAITS,
    *HANDOFFS.some("handed_off_at", "route", "propensity", "policy_version"),
    Column("early", "flag", "released early"),
    Column("explored", "flag", "picked at random"),
    Column("zone", "text", "what the rules said then"),
    Column("urgent", "flag", "whether the rules called it urgent then"),
    Column("team", "text", "the team that takes it"),
    Column("decision", "text", "what sales decided"),
    Column("decided_at", "time", "when sales decided, in the version in force"),
    Column("reason", "text", "why"),
    Column("sales_rep", "text", "who decided"),
    Column("agreement_version", "text", "the agreement that was in force"),
    Column("promise", "text", "the zone that has the promise, or urgent"),
    *PROMISES.some("promise_hours", "breach"),
    Column("due_at", "time", "by when sales promised to answer"),
    Column("answered_at", "time", "when sales first answered, in any version"),
    Column("answered_hours", "number", "hours from the hand-off to the answer"),
    Column("promise_status", "text", "what became of the promise", allowed=("none", "kept", "broken", "open")),
    Column("touches_before", "whole", "the lead's own touches before it"),
    Column("calls_before", "whole", "calls before it"),
    Column("connects_before", "whole", "calls before it that reached the lead"),
    Column(
        "scored_probability",
        "number",
        "how likely the score that it followed found it: the last of the 7 days before that said to hand it off, "
        "without one the last of these days",
    ),
    Column("overridden", "flag", "whether a person had asked for it, against score and rules"),
)
REPORT_DEALS = Table("deals", "a row per deal", key=("lead_id", "opened_at")).of(
    *TRAITS,
    *OPPORTUNITIES.some("opened_at", "closed_at"),
    Column("outcome", "text", "how it ended", allowed=("won", "lost", "open")),
    *OPPORTUNITIES.some("amount", "margin"),
    Column("cycle_days", "number", "days from opening to closing"),
)
SCORINGS = Table("scorings", "the last scoring, and the last one of an earlier day", key=("scoring",)).of(
    Column("scoring", "text", "which of the two", allowed=("last", "before")),
    AS_OF,
    Column("age_days", "number", "how old it is, in days"),
    Column("leads", "whole", "open leads that it scored"),
    *SCORES.some("model_version", "agreement_version"),
)
SCORED = Table("scored", "a row per lead in one of these two scorings", key=("lead_id",)).of(
    *SCORES.some("lead_id", "route"),
    Column("route_before", "text", "its route of the day before"),
    *SCORES.some("zone", "team", "urgent", "early", "explored"),
    Column("overridden", "flag", "whether a person asked for this route"),
    Column("on_list", "text", "the list of the day that it is on", allowed=("hand_offs", "calls")),
    Column("agent", "text", "who calls it, where the settings name agents"),
    Column("waits", "flag", "whether it is in line for a call, but not among those called that day"),
    *SCORES.some("probability", "threshold"),
    Column("probability_before", "number", "its probability of the day before"),
    Column("threshold_before", "number", "its threshold of the day before"),
    Column("change", "number", "how far it moved since, in log-odds"),
    *SCORES.some("next_question", "look_again", "changed"),
)
PLACES = Table("places", "a row per team, for exploration and for calls: its places a day", key=("on_list", "team")).of(
    *SCORED.some("on_list"),
    Column("team", "text", "the team; `exploration`; of calls `tele-qualification`"),
    Column("places", "whole", "how many leads it takes a day"),
)
REPORT_OVERRIDES = Table(
    "overrides",
    "a row per override: whether it was followed, and what became of the lead",
    key=("lead_id", "decided_at"),
).of(
    *OVERRIDES.some("lead_id", "route", "decided_by", "decided_at", "holds_until"),
    Column("status", "text", "whether it still holds", allowed=("in force", "expired", "replaced")),
    Column(
        "followed",
        "text",
        "whether a scoring of its time gave the lead that route",
        allowed=("followed", "not followed", "not scored yet"),
    ),
    Column("probability", "number", "how likely the first scoring of its time found the lead"),
    Column("threshold", "number", "p* at that scoring"),
    Column(
        "outcome",
        "text",
        "what became of the lead since",
        allowed=("accepted", "rejected", "not decided", "not handed off"),
    ),
)
MONEY = "in the agreement's currency"
TESTED = Table("tested", "a row per decided hand-off that the champion was tested on").of(
    LEAD_ID,
    AS_OF,
    Column("account", "text", "its company, or itself"),
    Column("accepted", "whole", "1: sales accepted it, 0: rejected"),
    Column("probability", "number", "how likely the model found it before the outcome"),
    *REPORT_HANDOFFS.some("zone"),
    Column("met", "flag", "whether it met the rules"),
    Column("propensity", "number", "the chance it had of being handed off"),
    Column("weight", "number", "how many leads at the gate it stands for"),
    Column("gain", "number", f"what handing it off brought compared with holding it, {MONEY}"),
    Column("waiting", "number", f"what holding it is worth, {MONEY}"),
    Column("rules", "number", "share handed off by the rules alone"),
    Column("agreed", "number", "share handed off by rules and model, as agreed"),
    Column("equal_volume", "number", "share handed off by the model, as many as the rules"),
    Column("everybody", "number", "share handed off if everybody is"),
    Column("nobody", "number", "share handed off if nobody is"),
)
JUDGED = Table(
    "judged", "a row per policy: what it is worth per lead at the gate, with 95 % intervals", key=("policy",)
).of(
    Column("policy", "text", "its name: a column of `tested`"),
    Column("words", "text", "the policy in words"),
    Column("value", "number", f"its value, {MONEY}"),
    Column("low", "number", "the lower end of its interval"),
    Column("high", "number", "the upper end of its interval"),
    Column("gain", "number", f"its value less that of the rules alone, {MONEY}"),
    Column("gain_low", "number", "the lower end of its interval"),
    Column("gain_high", "number", "the upper end of its interval"),
    Column("sentence", "text", "what can be said about it"),
)
COSTS = Table("costs", "a row per segment of values in the agreement", key=("segment",)).of(
    Column("segment", "text", "its name"),
    Column("others", "flag", "all leads that are in no segment"),
    Column("acceptance", "number", f"V: what an accepted lead is worth, {MONEY}"),
    Column("review", "number", f"c: what it costs sales to look at a lead, {MONEY}"),
    Column("waiting", "number", f"W: what a lead held in nurture is worth, {MONEY}"),
    Column("recyclable", "number", "rho: the share of rejected leads that can be nurtured again"),
    Column("trust", "number", f"t: what a rejected lead costs in trust, {MONEY}"),
    Column("refusal", "number", f"R: what a rejected lead is worth, {MONEY}"),
    Column("threshold", "number", "p*: the probability above which a hand-off pays off"),
    Column("spare_threshold", "number", "the same when sales has time to spare"),
)
REPORT_TABLES = {
    t.name: t
    for t in (
        *(REPORT_LEADS, REPORT_HANDOFFS, REPORT_DEALS, PROMISES, SCORINGS, SCORED, PLACES, REPORT_OVERRIDES),
        *(TESTED, JUDGED, COSTS),
    )
}
"""The report's base tables, in the order in which they are written."""
