"""What did this workspace choose? settings.toml, parsed once into frozen objects."""

from __future__ import annotations

import logging
import os
import re
from datetime import date, timedelta
from functools import lru_cache
from ipaddress import ip_address
from json import dumps
from pathlib import Path
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import PydanticCustomError

from data.cohorts import Cohort
from data.errors import ConfigError
from data.freshness import Limits
from data.labels import CountsAs
from data.silence import SILENCE_S
from data.toml_errors import StrictModel, TimeZone, parse_toml, read_text, wrong_keys

log = logging.getLogger(__name__)

AMOUNT = re.compile(r"(\d{1,9}(\.\d{1,9})?)\s*([MGT])(i?)B")
UNITS = {"M": 1, "G": 1000, "T": 1000_000}
LEAST_MONITORING_DAYS = 150
"""Drift is judged by what was usual in the 120 days before, each compared with four weeks before it."""
LEAST_DAYS = 30
"""Nothing is removed that is not older: lists, pages and a schedule that catches up look back further than a week."""
MOST_MEMORY = 1000 * UNITS["T"]
GONE = ("search_trials", "search_minutes")
"""Keys of [training] that an earlier `leadready init` wrote and nothing reads any more."""

WORDS = (
    r"\n|null|(null)|<null>|[null]|nil|none|(none)|- none -|--none--|nan|nat|<na>|n/a|n.a.|#n/a|#null!|#value!|#ref!"
    "|#name?|#div/0!|-|--|---|?|undefined|unknown|(unknown)|[unknown]|[[unknown]]|(blank)|(empty)|[empty]|no value"
    "|(no value)|not provided|[not provided]|(not provided)|not set|(not set)|not available|not specified|select"
    "|select one|please select|- select -|--select--|-- select --"
)
EMPTY_WORDS = tuple(WORDS.split("|"))
"""Texts that programs write for nothing, in lower case. Not among them: NA, which is Namibia."""

WORD_LINES = ",\n".join(f"    {dumps(EMPTY_WORDS[i : i + 8])[1:-1]}" for i in range(0, len(EMPTY_WORDS), 8))
DEFAULT = f"""\
# How this workspace trains and scores. Every line may be left out; these are the defaults.

time_zone = "UTC"             # whose calendar says which day a scoring or a report belongs to, as "Europe/Berlin"

[cohort]                      # which moments of a lead become training rows
anchor = "handoff"            # handoff, created or weekly
delay_hours = 0               # the lead is looked at so many hours after the anchor

[label]                       # what is predicted: accepted by sales within the horizon
horizon_days = 14
expired = "exclude"           # sales never answered: exclude or not_accepted
never_handed_off = "exclude"  # sales was never asked: exclude (no label) or not_accepted

[features]                    # patterns of feature names; * matches anything
include = ["*"]
exclude = []

[freshness]                   # `score` and `train` warn where the newest one known is older
touches_days = 3
calls_days = 5                # long enough for a long weekend

[ingest]                      # how the texts of files are read (docs/data.md)
earliest = 1990-01-01         # a time before this day goes to the quarantine
times = ""                    # a form of times beside ISO, where no mapping declares one: "%d.%m.%Y %H:%M"
decimal = ""                  # "," or ".": numbers such as 1.200,50 or € 1,200.50, where no mapping declares it
unknown_share = 0.05          # `ingest` warns where the account of more leads, or the lead of more events, is unknown
allow_columns = []            # columns that look personal and are not, such as "email_domain_type"
# texts that mean nothing, whatever their case
empty_words = [
{WORD_LINES}
]

[training]
test_share = 0.3              # share of the rows, the latest ones, kept for one honest test
folds = 4                     # forward folds in the earlier rows, to choose the model
seed = 7
refits = 8                    # of the chosen model: reasons are what they agree on; fewer are quicker
allowed_columns = []          # columns that the leak guard suspects and a person has cleared
promote = "ask"               # a better model of the weekly training waits for you (ask) or is put into use (auto)

[schedule]                    # what `leadready deploy` and `leadready serve` run (docs/schedule.md)
daily = "0 5 * * *"           # cron, by the clock of time_zone: ingest the sources below, score, report
weekly = "0 3 * * 0"          # cron: train
catch_up_days = 7             # days that were missed are scored, up to so many days back
on_failure = ""               # a command that gets a message on its standard input when a scheduled run fails

[schedule.sources]            # what the daily run ingests, by the names that `leadready ingest` takes
# canonical = "/data/exports" # a file or folder, or $NAME: a database URL in that environment variable
# crm = {{path = "$CRM_URL", mappings = "/data/mappings", timezone = "Europe/Berlin"}}
# of PostgreSQL also: queries in place of tables, and a column that says which rows are new (docs/postgres.md)
# watermark = {{touches = "updated_at"}}, overlap_hours = 48, queries = {{leads = "SELECT * FROM crm.contacts"}}
# silence_s = 600             # given up where the server has said nothing for so many seconds

[lists]                       # exports/<day>/hand_offs.csv and calls.csv, for people
agents = []                   # who shares the calls of the day, such as "ann", "bob"; empty: they are one list
[lists.columns]               # what they show of a lead: a title, and a column of leads or accounts
name = "lead.name"
company = "account.name"
email = "lead.email"
phone = "lead.phone"

[review]                      # the web page of `leadready review`; tokens stand in LEADREADY_REVIEW_TOKENS, never here
host = "127.0.0.1"            # another address needs tokens or a proxy
port = 8321
processes = 2                 # so many serve it together
names = []                    # host names of the page beside localhost and `host`, such as "leads.example.com"
proxy = ""                    # IP address of the reverse proxy that signs people in
user_header = "X-Forwarded-User" # the header in which it names them; it has to drop what browsers send under that name
[review.roles]                # who is not named here is a reader
# ann = "admin"               # reader, rep or admin

[monitor]                     # what `leadready monitor` and the daily run look at (docs/operations.md)
false_alarms = 1.0            # so many a year may be false, over all statistical alarms together
quarantine_share = 0.05       # an alarm where more of a week's rows were held back
metrics = ""                  # the file for Prometheus, where its collector may read it; empty: metrics.prom
blocks = true                 # the daily run does not score on broken data: the last good scores stay

[notify]                      # who hears of failures and alarms; addresses with passwords only by $NAME of a variable
webhook = ""                  # "$LEADREADY_WEBHOOK": an address that takes JSON such as {{"text": "..."}}
smtp = ""                     # "$LEADREADY_SMTP": smtp://USER:PASSWORD@HOST:587, or smtps://... for TLS from the start
sender = ""                   # "leadready@example.com"
to = []                       # e-mail addresses

[retention]                   # `leadready tidy`, with which the daily run ends, removes what is older; 0: nothing
scores_days = 0               # scores, but for those that hand-offs, draws and overrides rest on (docs/operations.md)
exports_days = 0              # folders of exports/
quarantine_days = 0           # rejected rows
batches_days = 0              # records of loads that brought nothing new
reports_days = 0              # folders of reports/
runs_days = 0                 # logs/ and lines of runs.jsonl
monitoring_days = 0           # what monitoring counted and found; it looks back 150 days
trainings_days = 0            # runs of MLflow: backtests, and trainings whose model was never in use

[publish]                     # where scores go beside the files and the page
crm = []                      # files to import in exports/<day>: "hubspot", "salesforce", "dynamics" (docs/crm.md)
[publish.fields]              # names of their fields that are not as docs/crm.md has them; "": left out
# salesforce = {{lead_id = "LeadReady_Id__c", reasons = ""}}
[publish.postgres]            # docs/postgres.md
url = ""                      # $NAME: the environment variable that holds the address; empty: no PostgreSQL
schema = "leadready"          # of this workspace alone; made where it is absent
silence_s = 600               # given up where the server has said nothing for so many seconds

[compute]
threads = 2
memory = "4GB"                # what DuckDB may hold; while scores are published, less what these take
wait_s = 60                   # so many seconds a command waits for another that is using the warehouse
"""


def _cron(text: str) -> str:
    if not re.fullmatch(r"\s*[\w*/,-]+(\s+[\w*/,#-]+){4}\s*", text):
        raise PydanticCustomError("cron", "five fields of cron, such as 0 5 * * *")
    return text.strip()


def _lower(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(w.strip().lower() for w in words)


def _host_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", name):
        raise PydanticCustomError("host_name", "a host name without scheme and port, such as leads.example.com")
    return name.lower()


def _proxy(address: str) -> str:
    try:
        return address and str(ip_address(address))
    except ValueError:
        raise PydanticCustomError("proxy", "the IP address of a proxy, such as 10.0.0.5, or nothing") from None


def _enough(memory: str) -> str:
    found = AMOUNT.fullmatch(memory)
    if not found or not 100 <= float(found[1]) * UNITS[found[3]] <= MOST_MEMORY:
        raise PydanticCustomError("memory", "an amount from 100MB to 1000TB, such as 4GB")
    return memory


class LabelSettings(StrictModel):
    """What is predicted."""

    horizon_days: float = Field(default=14, gt=0, le=10 * 365)
    expired: CountsAs = "exclude"
    never_handed_off: CountsAs = "exclude"


class FeatureSettings(StrictModel):
    """Which features are used."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()


class IngestSettings(StrictModel):
    """How the texts of a source are read, what is let in, and from when on `ingest` warns."""

    earliest: date = date(1990, 1, 1)
    times: str = ""
    decimal: Literal["", ".", ","] = ""
    empty_words: Annotated[tuple[str, ...], AfterValidator(_lower)] = EMPTY_WORDS
    unknown_share: float = Field(default=0.05, ge=0, le=1)
    allow_columns: tuple[str, ...] = ()


class TrainingSettings(StrictModel):
    """How models are fitted and compared. refits: of the chosen one, to tell steady reasons by."""

    test_share: float = Field(default=0.3, gt=0, lt=1)
    folds: int = Field(default=4, ge=1, le=20)
    seed: int = Field(default=7, ge=0, le=2**32 - 1)
    refits: int = Field(default=8, ge=0, le=100)
    allowed_columns: tuple[str, ...] = ()
    promote: Literal["ask", "auto"] = "ask"


Silent = Annotated[float, Field(gt=0, le=7 * 86_400)]


class Source(StrictModel):
    """What the daily run ingests under a source's name: a path or `$NAME` of a variable, read as `ingest` reads it.

    Of PostgreSQL: `queries` by the name of the table they stand for, and the column by which a table is read on.
    """

    path: str = Field(min_length=1)
    mappings: str = ""
    timezone: TimeZone = "UTC"
    queries: dict[str, str] = Field(default={})
    watermark: dict[str, str] = Field(default={})
    overlap_hours: float = Field(default=48, ge=0, le=10 * 365 * 24)
    silence_s: Silent = SILENCE_S


SourceOrPath = Annotated[Source, BeforeValidator(lambda given: {"path": given} if isinstance(given, str) else given)]


class ScheduleSettings(StrictModel):
    """What runs by itself, and when."""

    daily: Annotated[str, AfterValidator(_cron)] = "0 5 * * *"
    weekly: Annotated[str, AfterValidator(_cron)] = "0 3 * * 0"
    catch_up_days: int = Field(default=7, ge=0, le=366)
    on_failure: str = ""
    sources: dict[str, SourceOrPath] = Field(default={})


SHOWN = {"name": "lead.name", "company": "account.name", "email": "lead.email", "phone": "lead.phone"}


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names) or not all(name.strip() for name in names):
        raise PydanticCustomError("names", "names, each once")
    return names


class ListSettings(StrictModel):
    """What the lists that people work from show, and who works from them."""

    columns: dict[str, str] = Field(default=SHOWN)
    agents: Annotated[tuple[str, ...], AfterValidator(_each_once)] = ()


Role = Literal["reader", "rep", "admin"]


class ReviewSettings(StrictModel):
    """Where the web page is served, under which names, and who may do what there."""

    host: str = Field(default="127.0.0.1", pattern=r"^[A-Za-z0-9.:-]+$")
    port: int = Field(default=8321, ge=1, le=65535)
    processes: int = Field(default=2, ge=1, le=64)
    names: tuple[Annotated[str, AfterValidator(_host_name)], ...] = ()
    proxy: Annotated[str, AfterValidator(_proxy)] = ""
    user_header: str = Field(default="X-Forwarded-User", pattern=r"^[A-Za-z0-9-]+$")
    roles: dict[str, Role] = Field(default={})


class MonitorSettings(StrictModel):
    """When monitoring raises an alarm."""

    false_alarms: float = Field(default=1.0, gt=0, le=365)
    quarantine_share: float = Field(default=0.05, gt=0, le=1)
    blocks: bool = True
    metrics: str = ""


class NotifySettings(StrictModel):
    """Who hears of failures and alarms, and by which way."""

    webhook: str = ""
    smtp: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()


def _a_while(days: int) -> int:
    if 0 < days < LEAST_DAYS:
        raise PydanticCustomError("days", "{least} days or more, or 0 to keep everything", {"least": LEAST_DAYS})
    return days


Days = Annotated[int, Field(ge=0, le=36_500), AfterValidator(_a_while)]


def _as_drift_needs(days: int) -> int:
    if 0 < days < LEAST_MONITORING_DAYS:
        raise PydanticCustomError("days", "{least} days or more, or 0", {"least": LEAST_MONITORING_DAYS})
    return days


class RetentionSettings(StrictModel):
    """After how many days what is old is removed; 0: never."""

    scores_days: Days = 0
    exports_days: Days = 0
    quarantine_days: Days = 0
    batches_days: Days = 0
    reports_days: Days = 0
    runs_days: Days = 0
    monitoring_days: Annotated[int, Field(ge=0, le=36_500), AfterValidator(_as_drift_needs)] = 0
    trainings_days: Days = 0

    def by_name(self) -> dict[str, int]:
        """The days by what they are of."""
        return {name.removesuffix("_days"): days for name, days in self.model_dump().items()}


Crm = Literal["hubspot", "salesforce", "dynamics"]
CrmColumn = Literal["lead_id", "score_percent", "score_band", "zone", "route", "reasons", "next_question", "as_of"]


class PostgresTarget(StrictModel):
    """A schema of a PostgreSQL database; the address, which holds a password, is in the environment alone."""

    url: str = Field(default="", pattern=r"^(\$\w+)?$")
    schema_: str = Field(default="leadready", alias="schema", min_length=1, max_length=63)
    silence_s: Silent = SILENCE_S


class PublishSettings(StrictModel):
    """Where scores go beside the workspace. fields: of a CRM, our column -> the name of its field, '': left out."""

    crm: Annotated[tuple[Crm, ...], AfterValidator(_each_once)] = ()
    fields: dict[Crm, dict[CrmColumn, str]] = Field(default={})
    postgres: PostgresTarget = PostgresTarget()


class ComputeSettings(StrictModel):
    """What the machine gives."""

    threads: int = Field(default=2, ge=1, le=1024)
    memory: Annotated[str, AfterValidator(_enough)] = "4GB"
    wait_s: float = Field(default=60, ge=0, le=86_400)

    @property
    def memory_bytes(self) -> int:
        """`memory` as a number."""
        amount, _, unit, binary = cast("re.Match[str]", AMOUNT.fullmatch(self.memory)).groups()
        return int(float(amount) * (1024 if binary else 1000) ** (2 + "MGT".index(unit)))


class Settings(StrictModel):
    """All settings of a workspace."""

    time_zone: TimeZone = "UTC"
    cohort: Cohort = Cohort()
    label: LabelSettings = LabelSettings()
    features: FeatureSettings = FeatureSettings()
    ingest: IngestSettings = IngestSettings()
    freshness: Limits = Limits()
    training: TrainingSettings = TrainingSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    lists: ListSettings = ListSettings()
    review: ReviewSettings = ReviewSettings()
    monitor: MonitorSettings = MonitorSettings()
    notify: NotifySettings = NotifySettings()
    retention: RetentionSettings = RetentionSettings()
    publish: PublishSettings = PublishSettings()
    compute: ComputeSettings = ComputeSettings()

    @property
    def horizon(self) -> timedelta:
        """The label horizon."""
        return timedelta(days=self.label.horizon_days)


def from_environment(where: str, text: str) -> str:
    """A text of the settings, or what the variable holds that it names as `$NAME`; ConfigError where it is not set."""
    if not text.startswith("$"):
        return text
    if found := os.environ.get(text[1:]):
        return found
    expected, do = f"the variable {text[1:]}", "set it where leadready runs"
    raise ConfigError(f"reading {where}", expected=expected, got="none of that name", do=do)


def read_settings(path: Path) -> Settings:
    """Parse settings.toml; an absent file gives the defaults. ConfigError names the key that is wrong.

    A file that did not change is read once.
    """
    try:
        found = path.stat()
    except OSError:  # absent, or said by whoever reads it
        return _parsed(path, ())
    return _parsed(path, (found.st_ino, found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=8)
def _parsed(path: Path, state: tuple[int, ...]) -> Settings:  # noqa: ARG001 - by which a changed file is told
    raw = parse_toml(read_text(path), str(path)) if path.exists() else {}
    training = raw.get("training", {})
    if isinstance(training, dict) and (gone := [key for key in GONE if key in training]):
        raw["training"] = {key: value for key, value in training.items() if key not in gone}
        log.warning("%s: delete %s, which no longer have an effect (docs/models.md, Search)", path, " and ".join(gone))
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        raise wrong_keys(str(path), Settings, error) from None


def patience(path: Path) -> float:
    """How long to wait for the warehouse, in seconds, even where the settings themselves are what is broken."""
    try:
        return read_settings(path).compute.wait_s
    except ConfigError:
        return ComputeSettings().wait_s
