"""How does a person leave files? The rows of their leads are taken out of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.whole import whole, writing


def erase_rows(path: Path, leads: Sequence[str]) -> int:
    """Take the rows of these leads out of a Parquet file that has a column lead_id, whole or not at all; how many."""
    table = pq.ParquetFile(path).read()
    if "lead_id" not in table.column_names:
        return 0
    kept = table.filter(pc.invert(pc.is_in(table["lead_id"].cast(pa.string()), pa.array(leads, pa.string()))))
    if kept.num_rows < table.num_rows:
        with writing(f"erasing rows in {path}", "fix this and run the same command again"), whole(path) as making:
            pq.write_table(kept, making)
    return int(table.num_rows - kept.num_rows)
