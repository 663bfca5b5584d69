"""What does the model say of a lead whose reasons were not worked out while scoring? It is read when first asked."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import Any

from data.errors import LeadreadyError
from data.workspace import Workspace
from serving.pages.review.store import Day

log = logging.getLogger(__name__)
KEPT = 500
"""So many answers are kept."""


class Explaining:
    """The model in use, and the reasons it gave last."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._lock = workspace, threading.Lock()
        self._read: tuple[Any, Any] = (None, None)
        self._said: OrderedDict[tuple[object, str], dict[str, Any]] = OrderedDict()

    def explain(self, day: Day, lead: str) -> dict[str, Any]:
        """`why` and `missing` of a lead (`serving.reasons.LeadExplainer`); `fault` where the model cannot say."""
        key = (day.key, lead)
        with self._lock:  # one at a time: it uses a core for as long as it takes
            if key in self._said:
                self._said.move_to_end(key)
                return self._said[key]
            try:
                found = self._explain(day, lead)
            except LeadreadyError as error:
                log.warning("a lead could not be explained: %s", error)
                return {"why": {}, "missing": [], "fault": "the model cannot be read"}
            self._said[key] = found
            while len(self._said) > KEPT:
                self._said.popitem(last=False)
            return found

    def _explain(self, day: Day, lead: str) -> dict[str, Any]:
        own = day.matrix(lead)
        if own.empty:
            return {"why": {}, "missing": [], "fault": "the last scoring knows no features of this lead"}
        explained = self._explainer(day).explain(own)
        return {"why": explained["why"].to_dict(), "missing": explained["missing"], "fault": ""}

    def _explainer(self, day: Day) -> Any:
        from models.registry.client import Registry
        from serving.reasons import LeadExplainer
        from serving.sinks.page import features_of

        version, features = day.facts["model"]["version"], features_of(day.facts["features"])
        if self._read[0] != (version, features):
            model = Registry(self._workspace).load(version)
            self._read = ((version, features), LeadExplainer(model.pipeline, features))
        return self._read[1]
