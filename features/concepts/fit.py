"""Does the lead fit the target market? Company, person and whatever else the source says about them."""

from __future__ import annotations

from features.definition import Feature

UNKNOWN = "not given"
EMPLOYEES = ((10, "1-9"), (50, "10-49"), (250, "50-249"), (1000, "250-999"), (5000, "1000-4999"))
REVENUE = ((1e6, "under 1M"), (1e7, "1M-10M"), (5e7, "10M-50M"), (2.5e8, "50M-250M"), (1e9, "250M-1B"))


def features() -> tuple[Feature, ...]:
    """All features of this concept; the extra columns of a source come beside them (catalog.py)."""
    return (
        _text("industry", "a.industry", "the company's industry"),
        _text("account_country", "a.country", "the company's country"),
        _text("country", "l.country", "the lead's country"),
        _text("source", "l.source", "what brought the lead in"),
        _text("seniority", "coalesce(lower(l.seniority), t.seniority)", "seniority, given or read from the title"),
        _text("job_function", "coalesce(lower(l.job_function), t.job_function)", "function, given or from the title"),
        _text("permission", "l.permission", "how the lead may be contacted"),
        _number("employees", "a.employees", "the company's staff in persons"),
        _number("annual_revenue", "a.annual_revenue", "the company's yearly revenue"),
        _text("employees_band", _band("a.employees", EMPLOYEES, "5000+"), "the company's size"),
        _text("revenue_band", _band("a.annual_revenue", REVENUE, "over 1B"), "the company's revenue band"),
        _given("has_title", "l.title", "a job title was given"),
        _given("has_account", "a.account_id", "the company is known"),
    )


def _band(column: str, bands: tuple[tuple[float, str], ...], above: str) -> str:
    cases = " ".join(f"WHEN {column} < {limit:.0f} THEN '{name}'" for limit, name in bands)
    return f"CASE WHEN {column} IS NULL THEN NULL {cases} ELSE '{above}' END"


def _text(name: str, sql: str, meaning: str) -> Feature:
    return Feature(name, "fit", "lead", sql, meaning, null=UNKNOWN, dtype="text", empty=None)


def _number(name: str, sql: str, meaning: str) -> Feature:
    return Feature(name, "fit", "lead", sql, meaning, null=UNKNOWN, empty=None)


def _given(name: str, column: str, meaning: str) -> Feature:
    return Feature(name, "fit", "lead", f"({column} IS NOT NULL)::INTEGER", meaning, unit="yes or no")
