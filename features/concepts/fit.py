"""Does the lead fit the target market? Company, person and whatever else the source says about them."""

from __future__ import annotations

from typing import Literal

from features.definition import Feature

EMPLOYEES = ((10, "1-9"), (50, "10-49"), (250, "50-249"), (1000, "250-999"), (5000, "1000-4999"))
REVENUE = ((1e6, "under 1M"), (1e7, "1M-10M"), (5e7, "10M-50M"), (2.5e8, "50M-250M"), (1e9, "250M-1B"))


def features() -> tuple[Feature, ...]:
    """All features of this concept but the extra columns of a source (extras.py)."""
    title, account = "(l.title IS NOT NULL)::INTEGER", "(a.account_id IS NOT NULL)::INTEGER"
    return (
        _given("industry", "a.industry", "the company's industry"),
        _given("account_country", "a.country", "the company's country"),
        _given("country", "l.country", "the lead's country"),
        _given("source", "l.source", "what brought the lead in"),
        _given("seniority", "coalesce(lower(l.seniority), t.seniority)", "seniority, given or read from the title"),
        _given("job_function", "coalesce(lower(l.job_function), t.job_function)", "function, given or from the title"),
        _given("permission", "l.permission", "how the lead may be contacted"),
        _given("employees", "a.employees", "the company's number of employees", "number"),
        _given("annual_revenue", "a.annual_revenue", "the company's annual revenue", "number"),
        _given("employees_band", _band("a.employees", EMPLOYEES, "5000+"), "the company's size"),
        _given("revenue_band", _band("a.annual_revenue", REVENUE, "over 1B"), "the company's revenue band"),
        Feature("has_title", "fit", "lead", title, "a job title was given", unit="yes or no"),
        Feature("has_account", "fit", "lead", account, "the company is known", unit="yes or no"),
    )


def _band(column: str, bands: tuple[tuple[float, str], ...], above: str) -> str:
    cases = " ".join(f"WHEN {column} < {limit:.0f} THEN '{name}'" for limit, name in bands)
    return f"CASE WHEN {column} IS NULL THEN NULL {cases} ELSE '{above}' END"


def _given(name: str, sql: str, meaning: str, dtype: Literal["number", "text"] = "text") -> Feature:
    return Feature(name, "fit", "lead", sql, meaning, null="not given", dtype=dtype)
