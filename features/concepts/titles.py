"""What does a job title say? A documented table of patterns -> seniority and function, first match wins."""

from __future__ import annotations

# Word patterns (RE2, on the lower-cased title). Kept short on purpose: what no pattern matches stays unknown.
SENIORITY = (
    (r"\b(chief|c[efiotmr]o|cfo|ciso|founder|owner|president|partner|managing director)\b", "c_level"),
    (r"\b(vp|svp|evp|vice[- ]president)\b", "vp"),
    (r"\b(director|head of|head)\b", "director"),
    (r"\b(manager|lead|supervisor|team leader)\b", "manager"),
    (r"\b(intern|trainee|student|assistant|apprentice)\b", "entry"),
    (
        r"\b(senior|principal|staff|architect|consultant|engineer|analyst|specialist|developer|administrator|buyer)\b",
        "specialist",
    ),
)
FUNCTION = (
    (r"\b(marketing|brand|communications?|demand|growth|cmo)\b", "marketing"),
    (r"\b(sales|account executive|business development|revenue|cro)\b", "sales"),
    (r"\b(finance|financial|controller|accounting|treasur\w+|cfo)\b", "finance"),
    (r"\b(it|information|technology|software|systems?|data|security|infrastructure|devops|cto|cio|ciso)\b", "it"),
    (r"\b(operations?|logistics|supply|production|manufacturing|plant|quality|coo)\b", "operations"),
    (r"\b(purchas\w+|procurement|buyer|sourcing)\b", "procurement"),
    (r"\b(hr|human resources|people|talent|recruit\w+)\b", "hr"),
    (r"\b(research|engineering|engineer|r&d|product|design\w*)\b", "product"),
    (r"\b(ceo|founder|owner|president|managing director|general manager)\b", "management"),
)


def titles_sql(source: str) -> str:
    """A SELECT (title, seniority, job_function), one row for each different title of the relation `source`."""
    return (
        f"SELECT title, {_case(SENIORITY)} AS seniority, {_case(FUNCTION)} AS job_function "
        f"FROM (SELECT DISTINCT title FROM {source} WHERE title IS NOT NULL)"
    )


def _case(table: tuple[tuple[str, str], ...]) -> str:
    cases = " ".join(f"WHEN regexp_matches(lower(title), '{pattern}') THEN '{name}'" for pattern, name in table)
    return f"CASE {cases} END"
