"""Is a CSV file so simple that every reader must read it alike? Its bytes prove it, or it is read line by line."""

from __future__ import annotations

import codecs
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data.intake.records import BLOCK, LONGEST_LINE, open_bytes


def simple_lines(path: Path, delimiter: str, width: int) -> int | None:
    """How many lines a CSV file has, if its bytes prove that every reader must read it alike; else None.

    Proven are: UTF-8 without NUL; line ends that are all alike and stand outside quotes; no blank line; `width` fields
    in each line; quotes only around whole fields, or doubled in them; and no space before a field.
    """
    ends: set[bool] = set()
    lines, rest = 0, b""
    with open_bytes(path) as file:
        while (block := file.read(BLOCK)) or rest:
            text, rest = _whole_lines(rest + block, last=not block)
            if lines == 0:
                while text.startswith(codecs.BOM_UTF8):
                    text = text.removeprefix(codecs.BOM_UTF8)
            found = _simple_block(text, ord(delimiter), width)
            if found is None:
                return None
            lines, ends = lines + found[0], ends | {found[1]}
    return lines if len(ends) == 1 else None


def _whole_lines(data: bytes, last: bool) -> tuple[bytes, bytes]:
    """The lines that are complete, and the beginning of the next one; of the `last` ones each gets an end."""
    if not last:
        cut = data.rfind(b"\n") + 1
        return data[:cut], data[cut:]
    return data + (b"\r\n" if b"\r\n" in data else b"\n"), b""


def _simple_block(text: bytes, delimiter: int, width: int) -> tuple[int, bool] | None:
    """The lines in `text` and whether they end in CR LF; None where something is not proven, see `simple_lines`."""
    codes = np.frombuffer(text, np.uint8)
    quotes, ends, returns, parts = (np.flatnonzero(codes == c) for c in (ord('"'), ord("\n"), ord("\r"), delimiter))
    parts = parts[np.searchsorted(quotes, parts) % 2 == 0]
    starts, before = np.append(0, ends[:-1] + 1), {delimiter, ord("\n"), ord('"')}
    opening, closing = quotes[0::2], quotes[1::2]
    proven = (
        ends.size > 0
        and b"\0" not in text
        and _is_utf8(text)
        and not (np.searchsorted(quotes, ends) % 2).any()
        and (returns.size == 0 or np.array_equal(returns + 1, ends))
        and (np.diff(np.searchsorted(parts, ends), prepend=0) == width - 1).all()
        and (ends - starts > bool(returns.size)).all()
        and (ends - starts < LONGEST_LINE).all()
        and not (codes[np.concatenate([starts, parts + 1])] == ord(" ")).any()
        and _all_among(codes[opening[opening > 0] - 1], before)
        and _all_among(codes[closing + 1], before | {ord("\r")})
    )
    return (int(ends.size), bool(returns.size)) if proven else None


def _all_among(codes: npt.NDArray[np.uint8], allowed: set[int]) -> bool:
    return bool(np.isin(codes, list(allowed)).all())


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
