"""Which tables are there: columns, types, units, keys, allowed values and what is personal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["text", "time", "number", "whole", "flag"]
SQL_TYPES: dict[ColumnType, str] = {
    "text": "VARCHAR",
    "time": "TIMESTAMP",  # always UTC
    "number": "DOUBLE",
    "whole": "BIGINT",
    "flag": "BOOLEAN",
}

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
DISPOSITIONS = (
    "connected",
    "callback",
    "not_interested",
    "meeting_booked",
    "no_answer",
    "voicemail",
    "busy",
    "gatekeeper",
    "wrong_number",
    "unknown",
)
CONNECTED = ("connected", "callback", "not_interested", "meeting_booked")
ANSWER_STATES = ("not_asked", "refused", "no", "yes")
DECISIONS = ("accepted", "rejected")
PERMISSIONS = ("all", "no_call", "no_mail", "none", "unknown")


@dataclass(frozen=True)
class Column:
    """One column: its meaning says the unit; `personal` columns are stored and never leave as features or logs."""

    name: str
    type: ColumnType
    meaning: str
    required: bool = False
    allowed: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    personal: bool = False


@dataclass(frozen=True)
class Table:
    """One table.

    `key` names what is described; rows of one key with different `known_at` are versions of it, and a version is
    in force for `known_at < as_of <= superseded_at`. An empty key means that every different row is its own event.
    `occurred_at` is the column that says when it happened; `known_from` is the SQL expression that a backfill uses
    for `known_at` (default: `occurred_at`, else long ago). `extras`: columns beyond these are kept and become features.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    occurred_at: str | None = None
    known_from: str | None = None
    extras: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The columns a source may give, `known_at` left out."""
        return tuple(c.name for c in self.columns)


LEAD_ID = Column("lead_id", "text", "the lead", required=True)

ACCOUNTS = Table(
    "accounts",
    "companies",
    (
        Column("account_id", "text", "the company", required=True),
        Column("industry", "text", "its industry"),
        Column("employees", "number", "its staff, in persons", least=0),
        Column("annual_revenue", "number", "its yearly revenue, in the company's own currency", least=0),
        Column("country", "text", "where it sits"),
        Column("name", "text", "its name", personal=True),
    ),
    key=("account_id",),
    extras=True,
)
LEADS = Table(
    "leads",
    "persons who showed interest",
    (
        LEAD_ID,
        Column("account_id", "text", "the company the lead belongs to"),
        Column("created_at", "time", "when the lead came in", required=True),
        Column("source", "text", "what brought the lead in"),
        Column("title", "text", "job title as given"),
        Column("job_function", "text", "function as given; else read from the title"),
        Column("seniority", "text", "seniority as given; else read from the title"),
        Column("country", "text", "where the lead sits"),
        Column("permission", "text", "how the lead may be contacted", allowed=PERMISSIONS),
        Column("name", "text", "the person's name", personal=True),
        Column("email", "text", "e-mail address", personal=True),
        Column("phone", "text", "phone number", personal=True),
    ),
    key=("lead_id",),
    occurred_at="created_at",
    extras=True,
)
TOUCHES = Table(
    "touches",
    "digital engagement",
    (
        LEAD_ID,
        Column("occurred_at", "time", "when it happened", required=True),
        Column("kind", "text", "what it was", required=True, allowed=TOUCH_KINDS),
        Column("channel", "text", "by which channel", allowed=TOUCH_CHANNELS),
        Column("asset", "text", "page, mail or document"),
        Column("direction", "text", "who acted", allowed=("inbound", "outbound")),
        Column("is_bot", "flag", "a scanner or bot made it"),
        Column("event_id", "text", "the source's own number, so that equal events at one instant count"),
    ),
    occurred_at="occurred_at",
)
CALLS = Table(
    "calls",
    "dials and call sessions of tele-qualification",
    (
        LEAD_ID,
        Column("called_at", "time", "when the call began", required=True),
        Column("agent_id", "text", "who called"),
        Column("purpose", "text", "what the call was for"),
        Column("disposition", "text", "how it ended", allowed=DISPOSITIONS),
        Column("duration_s", "number", "its length in seconds", least=0),
        Column("notes", "text", "what the agent wrote", personal=True),
    ),
    key=("lead_id", "called_at"),
    occurred_at="called_at",
    known_from="called_at + to_microseconds(coalesce(duration_s * 1e6, 0)::BIGINT)",
)
ANSWERS = Table(
    "answers",
    "what was learned about a criterion",
    (
        LEAD_ID,
        Column("answered_at", "time", "when it was learned", required=True),
        Column("criterion", "text", "budget, authority, need, timeframe or any the agreement names", required=True),
        Column("state", "text", "whether it was asked and what came back", required=True, allowed=ANSWER_STATES),
        Column("level", "text", "the answer's level in the agreement's words"),
        Column("source", "text", "how it was learned", allowed=("call", "form", "research")),
    ),
    key=("lead_id", "criterion", "answered_at"),
    occurred_at="answered_at",
)
HANDOFFS = Table(
    "handoffs",
    "leads given to sales",
    (
        LEAD_ID,
        Column("handed_off_at", "time", "when", required=True),
        Column("route", "text", "by which route or rule"),
        Column("propensity", "number", "the chance this lead had of being handed off", least=0, most=1),
        Column("policy_version", "text", "the policy that handed it off"),
    ),
    key=("lead_id", "handed_off_at"),
    occurred_at="handed_off_at",
)
DECISIONS_TABLE = Table(
    "decisions",
    "what sales decided; without handed_off_at it is a refusal before any hand-off",
    (
        LEAD_ID,
        Column("handed_off_at", "time", "the hand-off it answers"),
        Column("decision", "text", "what was decided", required=True, allowed=DECISIONS),
        Column("decided_at", "time", "when", required=True),
        Column("reason", "text", "why"),
        Column("sales_rep", "text", "who decided"),
    ),
    key=("lead_id", "handed_off_at"),
    occurred_at="decided_at",
)
OPPORTUNITIES = Table(
    "opportunities",
    "deals that came of accepted leads",
    (
        LEAD_ID,
        Column("opened_at", "time", "when the deal was opened", required=True),
        Column("stage", "text", "its stage"),
        Column("amount", "number", "its value"),
        Column("margin", "number", "what it earned"),
        Column("closed_at", "time", "when it was closed"),
        Column("won", "flag", "whether it was won"),
    ),
    key=("lead_id", "opened_at"),
    occurred_at="opened_at",
    known_from="coalesce(closed_at, opened_at)",
)

TABLES: dict[str, Table] = {
    t.name: t for t in (ACCOUNTS, LEADS, TOUCHES, CALLS, ANSWERS, HANDOFFS, DECISIONS_TABLE, OPPORTUNITIES)
}
"""In the order in which a batch is stored: what others refer to comes first."""
