"""Which words do a world's tables use, and how often each? With what they say about fit, and the levels of answers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]
Random = np.random.Generator

NOTHING: Texts = np.array(None, dtype=object)

INDUSTRIES = {  # share, fit
    "software": (0.20, 0.7),
    "manufacturing": (0.18, 0.4),
    "finance": (0.14, 0.3),
    "healthcare": (0.12, 0.0),
    "logistics": (0.10, 0.2),
    "retail": (0.12, -0.4),
    "education": (0.08, -0.8),
    "public_sector": (0.06, -0.9),
}
COUNTRIES = {  # share, fit
    "US": (0.34, 0.2),
    "DE": (0.20, 0.2),
    "GB": (0.16, 0.0),
    "FR": (0.12, -0.1),
    "NL": (0.10, 0.0),
    "IN": (0.08, -0.6),
}
SENIORITIES = ("specialist", "manager", "director", "vp", "c_level")
TITLES = (  # title, function, rank in SENIORITIES
    ("Chief Information Officer", "it", 4),
    ("CTO", "engineering", 4),
    ("Chief Financial Officer", "finance", 4),
    ("Managing Director", "operations", 4),
    ("VP Operations", "operations", 3),
    ("VP of Engineering", "engineering", 3),
    ("Vice President Sales", "sales", 3),
    ("Director of IT", "it", 2),
    ("Head of Procurement", "procurement", 2),
    ("Director Digital Marketing", "marketing", 2),
    ("Head of HR", "hr", 2),
    ("IT Manager", "it", 1),
    ("Operations Manager", "operations", 1),
    ("Purchasing Manager", "procurement", 1),
    ("Marketing Manager", "marketing", 1),
    ("Engineering Manager", "engineering", 1),
    ("Project Manager", "operations", 1),
    ("Systems Administrator", "it", 0),
    ("Software Developer", "engineering", 0),
    ("Business Analyst", "operations", 0),
    ("Accountant", "finance", 0),
    ("Marketing Specialist", "marketing", 0),
    ("Student", "other", 0),
)
SOURCES = {
    "website": 0.32,
    "paid_search": 0.18,
    "content_syndication": 0.16,
    "webinar": 0.14,
    "event": 0.10,
    "referral": 0.10,
}
PERMISSION_SHARES = {"all": 0.80, "no_call": 0.05, "no_mail": 0.06, "none": 0.02, "unknown": 0.07}
BANT = {  # criterion -> levels; the lowest is what "no" means
    "budget": ("none", "planned", "approved"),
    "authority": ("user", "influencer", "decision_maker"),
    "need": ("none", "latent", "active"),
    "timeframe": ("over_12_months", "within_12_months", "within_6_months", "within_90_days"),
}
FURTHER = {  # learned on the phone only, and no part of the gate or of acceptance
    "next_step": ("call_back", "demo_agreed"),
    "desired_outcome": ("vague", "specific"),
    "buying_team": ("alone", "team_known"),
}
LEVELS = BANT | FURTHER


def pick(rng: Random, shares: dict[str, float], size: int) -> Texts:
    """`size` draws of the keys, in proportion to their shares."""
    weights = np.array(list(shares.values()))
    drawn = rng.choice(len(shares), size, p=weights / weights.sum())
    return np.array(list(shares), dtype=object)[drawn]
