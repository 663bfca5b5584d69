"""What did monitoring find? For people: alarms first, then what was looked at; for machines: a file of metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pandas as pd

from serving.pages.sections import Report, Section
from serving.watch.finding import TIERS, Finding, worst

TIER_WORDS = {"fine": "fine", "note": "worth a look", "act": "somebody has to act", "block": "do not score on this"}
COUNTED = TIER_WORDS | {"act": "for somebody to act on", "block": "so broken that nothing should be scored"}
TITLES = {
    "freshness": "Is it fresh?",
    "loads": "Does every source come as usual?",
    "volume": "Is there as much as usual?",
    "held back": "Are rows held back?",
    "unmatched": "Do events meet their leads?",
    "drift": "Do leads and scores look as they did?",
    "outside": "Does the model know such leads?",
    "acceptance": "Does sales accept what was expected?",
    "promises": "Does sales keep its promise?",
    "overdue": "Which promises were broken in the last day?",
    "asked": "Are the questions asked?",
    "exploration": "Is there exploration?",
    "volume above p*": "Can sales take what is worth a hand-off?",
}
MOST = 12
"""Of one kind so many findings are shown, the worst first."""


def watch_report(
    as_of: datetime,
    findings: Sequence[Finding],
    months: Sequence[dict[str, Any]],
    history: pd.DataFrame,
    time_zone: str,
) -> Report:
    """All that was found; months: expected and real acceptance; history: earlier notes and alarms."""
    wrong = sorted((f for f in findings if f.tier != "fine"), key=lambda f: -TIERS.index(f.tier))
    sections = [Section("What needs somebody?", rows=[_row(f) for f in wrong], points=_summary(findings))]
    for kind, title in TITLES.items():
        own = sorted((f for f in findings if f.kind == kind), key=lambda f: (-TIERS.index(f.tier), -_size(f)))
        if own:
            more = len(own) - MOST
            points = [f"{more} more are not shown: none of them is worse"] if more > 0 else []
            sections.append(Section(chapter=title, rows=_of_kind(own[:MOST]), points=points))
    if months:
        note = ("Of hand-offs whose time to answer is over, by the probability that the scoring before had given.",)
        sections.append(Section("Expected and real acceptance by month", note, rows=list(months)))
    earlier = history[history["as_of"] < as_of]
    rows = [
        {
            "day": f"{r.as_of:%Y-%m-%d}",
            "what": r.kind,
            "about": r.about,
            "how bad": TIER_WORDS[str(r.tier)],
            "said": r.says,
        }
        for r in earlier.itertuples()
    ]
    if rows:
        sections.append(Section("What was found in the four weeks before", rows=rows))
    facts = {
        "as_of": as_of.isoformat(),
        "tier": worst(findings),
        "findings": [_for_machines(f) for f in findings],
    }
    about = f"as of {as_of:%Y-%m-%d %H:%M} UTC; days by the clock of {time_zone}"
    return Report(sections, facts, "Monitoring", about)


def _for_machines(finding: Finding) -> dict[str, Any]:
    """NaN is no JSON."""
    return {"key": finding.key} | {k: None if v != v else v for k, v in asdict(finding).items()}


def _summary(findings: Sequence[Finding]) -> list[str]:
    counts = {tier: sum(f.tier == tier for f in findings) for tier in TIERS[::-1]}
    said = [f"{n} {COUNTED[tier]}" for tier, n in counts.items() if n]
    return [f"{len(findings)} things were looked at: {', '.join(said)}"] if said else ["nothing was looked at"]


def _row(finding: Finding) -> dict[str, Any]:
    return {"what": finding.kind} | _of_kind([finding])[0] | {"what to do": finding.do}


def _of_kind(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Rows of findings of one kind."""
    rows = [{"about": f.about, "how bad": TIER_WORDS[f.tier], "said": f.says, "what to do": f.do} for f in findings]
    return (
        rows if any(f.do for f in findings) else [{k: v for k, v in row.items() if k != "what to do"} for row in rows]
    )


def _size(finding: Finding) -> float:
    return abs(finding.value) if finding.value == finding.value else -1.0


def as_metrics(as_of: datetime, findings: Sequence[Finding], counts: Mapping[str, float]) -> str:
    """The text format of Prometheus (0.0.4), for a collector of text files such as node_exporter's."""
    lines = [
        "# HELP leadready_finding How bad a finding is: 0 fine, 1 note, 2 act, 3 block.",
        "# TYPE leadready_finding gauge",
    ]
    lines += [f"leadready_finding{_labels(f)} {TIERS.index(f.tier)}" for f in findings]
    lines += ["# HELP leadready_measured What was measured.", "# TYPE leadready_measured gauge"]
    lines += [f"leadready_measured{_labels(f)} {f.value:g}" for f in findings if f.value == f.value]
    for name in sorted({key.partition("{")[0] for key in counts}):
        lines.append(f"# TYPE {name} gauge")
        lines += [f"{key} {value:g}" for key, value in counts.items() if key.partition("{")[0] == name]
    lines += ["# TYPE leadready_monitored_timestamp_seconds gauge"]
    lines += [f"leadready_monitored_timestamp_seconds {(as_of - datetime(1970, 1, 1)).total_seconds():.0f}"]
    return "\n".join(lines) + "\n"


def _labels(finding: Finding) -> str:
    kind, about = (
        text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for text in (finding.kind, finding.about)
    )
    return f'{{kind="{kind}",about="{about}"}}'
