"""Did a change of the code change what users get? Hashes of what two fixed companies come to.

Numbers, ids, words and texts are hashed apart, so that a change of wording shows as such. It runs
commands and reads files, and imports nothing of leadready: the same script runs before a change and after it.

    python benchmarks/guard.py OUT/before
    python benchmarks/guard.py OUT/after --against OUT/before/hashes.json
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

AS_OF = "2025-12-15"
IDS = ("lead_id", "account_id", "as_of", "handed_off_at", "agreement_version", "policy_version", "model_version",
       "catalogue_version", "group")  # fmt: skip
CHANGING = {"run_id", "started", "batch_id", "known_at"}
"""What two runs of the same code do not share."""


def main() -> None:
    """Run both companies below a folder, print a line per output, and end with 1 where one differs from `--against`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="a folder that is not there yet")
    parser.add_argument("--against", type=Path, help="hashes.json of an earlier run")
    args = parser.parse_args()
    args.out.mkdir(parents=True)
    hashes = {f"{name} {part}": value for name, found in companies(args.out) for part, value in hashed(found).items()}
    (args.out / "hashes.json").write_text(json.dumps(hashes, indent=1, sort_keys=True))
    before = json.loads(args.against.read_text()) if args.against else hashes
    changed = sorted(key for key in hashes.keys() | before.keys() if hashes.get(key) != before.get(key))
    for key in hashes if not args.against else changed:
        print(f"{before.get(key, '-'):16}  {hashes.get(key, '-'):16}  {key}")
    print(f"{len(hashes)} hashes, {len(changed)} changed")
    sys.exit(bool(changed))


def companies(out: Path) -> Iterator[tuple[str, dict[str, pd.DataFrame]]]:
    """Both companies with all that they come to, as frames by name."""
    demo, small = out / "demo", out / "small"
    leadready("demo", "-w", demo)
    yield "demo", outputs(demo)
    leadready("init", "-w", small, "--scheme", "APNRP")
    leadready("simulate", "-w", small, "--world", "drift", "--leads", "1500", "--seed", "7")
    leadready("ingest", "canonical", small / "simulated", "-w", small)
    said = {"dry run": leadready("train", "-w", small, "--as-of", AS_OF, "--dry-run")}
    leadready("train", "-w", small, "--as-of", AS_OF, may_end_with=(0, 13))
    said["score"] = leadready("score", "-w", small, "--as-of", AS_OF)
    leadready("report", "-w", small, "--as-of", AS_OF)
    dates = ("--from", "2025-08-01", "--to", "2025-12-01", "--every", "61d", "--as-of", AS_OF)
    said["backtest"] = leadready("backtest", "-w", small, *dates)
    said["ablate"] = leadready("ablate", "-w", small, "--as-of", AS_OF)
    yield "small", outputs(small) | {name: flat(found) for name, found in said.items()}


def outputs(space: Path) -> dict[str, pd.DataFrame]:
    """The scores, the report, the points' lines, the explanations, the catalogue and what training kept."""
    found = {path.name: pd.read_parquet(path) for path in (space / "exports" / AS_OF).glob("*.parquet")}
    found |= {f"report/{path.name}": read_csv(path) for path in sorted((space / "reports" / AS_OF).glob("*.csv"))}
    for path in sorted((space / "artifacts").glob("*/artifacts/report/*")):
        if path.suffix in (".csv", ".parquet"):
            kept = read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
            found[f"training/{path.name}"] = kept
    leads = [*found["scores.parquet"]["lead_id"]][::40]
    found["agreement lines"] = flat(leadready("agreement", "explain", *leads, "-w", space, "--as-of", AS_OF))
    for lead in leads[:3]:
        found[f"explain {lead}"] = flat(leadready("explain", lead, "-w", space, "--as-of", AS_OF))
    found["features"] = flat(leadready("features", "list", "-w", space))
    found["agreement"] = flat(leadready("agreement", "show", "-w", space, "--as-of", AS_OF))
    cards = sorted((space / "artifacts").glob("*/artifacts/card/card.md"))
    found["card"] = pd.DataFrame({"text": [line for card in cards for line in card.read_text().splitlines()]})
    found["page"] = pd.DataFrame({"text": (space / "reports" / AS_OF / "report.html").read_text().splitlines()})
    return found


def leadready(*words: object, may_end_with: tuple[int, ...] = (0,)) -> object:
    """What a command prints for machines."""
    command = [sys.executable, "-m", "pipelines.cli", *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in may_end_with:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return json.loads(done.stdout)


def read_csv(path: Path) -> pd.DataFrame:
    """A CSV with any number of rows, none among them."""
    return pd.read_csv(path) if path.stat().st_size > 1 else pd.DataFrame()


def flat(found: object) -> pd.DataFrame:
    """What a command printed as one row, a column per place in it, without what differs from run to run."""

    def walk(value: object, name: str) -> Iterator[tuple[str, object]]:
        parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, part in parts:
            if key not in CHANGING and not str(part).startswith(("/", "kept in MLflow")):
                yield from walk(part, f"{name}.{key}")
        if not isinstance(value, dict | list):
            yield name, value

    return pd.DataFrame([dict(walk(found, ""))])


def hashed(found: dict[str, pd.DataFrame]) -> dict[str, str]:
    """A hash for the numbers, the ids, the words and the texts of each frame, columns in the order of their names."""
    out = {}
    for name, frame in found.items():
        parts: dict[str, list[str]] = {}
        for column in sorted(frame.columns, key=str):
            cells = [str(cell) for cell in frame[column]]
            parts.setdefault(kind(str(column), frame[column]), []).append(f"{column}: {cells}")
        for part, lines in parts.items():
            out[f"{name}: {part}"] = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    return out


def kind(name: str, values: pd.Series) -> str:
    """Numbers, ids, single words, or texts."""
    if name.rsplit(".", 1)[-1] in IDS:
        return "ids"
    if pd.api.types.is_numeric_dtype(values):
        return "numbers"
    return "texts" if values.astype(str).str.contains(" ").any() else "words"


if __name__ == "__main__":
    main()
