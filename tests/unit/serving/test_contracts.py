"""What goes out is what its contract says, and README tells the same."""

from __future__ import annotations

import re
from pathlib import Path

from data.tables import SCORES
from features.definition import CONCEPTS
from serving.reasons import FLAGS, NUMBERS, TEXTS
from serving.routes import ROUTES

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


def test_readme_says_of_every_column_of_scores_what_its_contract_says() -> None:
    told = {c.name: c.meaning.replace("p*", r"p\*") for c in SCORES.columns}
    told["route"] += f": {', '.join(f'`{name}`' for name in ROUTES)}"
    assert dict(re.findall(r"^\| `(\w+)` \| .*? \| (.*) \|$", README, re.MULTILINE)) == told


def test_the_columns_are_in_the_order_of_readme() -> None:
    assert re.findall(r"^\| `(\w+)` \| .*? \| .* \|$", README, re.MULTILINE) == list(SCORES.names)


def test_scores_hold_every_reason_and_the_contribution_of_every_concept() -> None:
    types = {c.name: c.type for c in SCORES.columns}
    assert {name: types[name] for name in NUMBERS} == dict.fromkeys(NUMBERS, "number")
    assert {name: types[name] for name in TEXTS} == dict.fromkeys(TEXTS, "text")
    assert {name: types[name] for name in FLAGS} == dict.fromkeys(FLAGS, "flag")
    assert [n for n in types if "contribution" in n] == [f"contribution_{concept}" for concept in CONCEPTS]
