"""The code in docs/models.md runs as it stands."""

import re
from pathlib import Path

TEXT = (Path(__file__).parents[3] / "docs" / "models.md").read_text(encoding="utf-8")


def test_any_search_tool_takes_a_candidate_and_the_folds(data, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    names = {"data": data}
    exec(code, names)
    tried = names["search"].cv_results_
    assert len(tried["params"]) == 4
    assert names["search"].n_splits_ == len(data.folds(4).cuts(data.y, data.group)) > 1
    assert "max_leaf_nodes" in capsys.readouterr().out
