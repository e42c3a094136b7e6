"""From a comparison to the tables that pages and reports are written from, kept while asked for.

Knows comparisons and the tables of a report; must not know pages, or how a run is made.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from dashboards.report import ReportTables, canonical
from sim.record import Comparison, outcome_table
from sim.runner import incentive_means

__all__ = ["Shelf", "report_tables"]

_MOST_TABLES = 16
_MOST_PIECES = 400


def report_tables(comparison: Comparison) -> ReportTables:
    """Hand a comparison to the report as the tables it is written from."""
    info = comparison.info
    first = comparison.months_before
    ledger = comparison.table("ledger")
    ledger = ledger[ledger["month"] >= first]
    years = max(1.0, float(info["horizon"]["reform"]) / 12.0)
    keys = ["arm", "payer", "payee", "purpose"]
    flows = ledger.groupby(keys, sort=False)["amount"].sum().reset_index()
    flows["amount"] = (flows["amount"] / years).round().astype("int64")
    provenance = {
        "command": info["command"],
        "region": info["region"],
        "people": info["population"],
        "residents": info["residents"],
        "seeds": info["seeds"],
        "engine": info["engine"],
        "scenario_hashes": {arm["id"]: arm["scenario_sha"] for arm in info["arms"]},
        "inputs": info["input_tables"],
        "versions": {**info["versions"], "code": info["code_version"]},
        "commit": info["commit"],
        "created": info["finished"],
    }
    margins = comparison.table("incentives")
    margins = margins[(margins["replicate"] == 0) & (margins["year"] == first // 12)]
    return ReportTables(
        arms=comparison.arm_table(),
        outcomes=outcome_table(info["currency"]),
        differences=comparison.differences(),
        monthly=comparison.table("monthly"),
        providers=comparison.table("providers"),
        incentives=incentive_means(margins),
        ledger=flows,
        provenance=provenance,
        months_before=first,
        currency=info["currency"],
        people=info["population"],
        residents=info["residents"],
    )


class Shelf:
    """Tables and drawn pieces of comparisons looked at lately, for all who look at them.

    Parameters
    ----------
    find : gives a comparison by key and stage, or None
    """

    def __init__(self, find: Callable[[str, str], Comparison | None]) -> None:
        self._find = find
        self._lock = threading.Lock()
        self._tables: OrderedDict[tuple[str, str], ReportTables] = OrderedDict()
        self._pieces: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def tables(self, key: str, stage: str) -> ReportTables | None:
        """The tables of a comparison with groups and parties under the report's names."""
        with self._lock:
            kept = self._tables.get((key, stage))
            if kept is not None:
                self._tables.move_to_end((key, stage))
                return kept
        found = self._find(key, stage)
        if found is None:
            return None
        made = canonical(report_tables(found))
        with self._lock:
            self._tables[key, stage] = made
            while len(self._tables) > _MOST_TABLES:
                self._tables.popitem(last=False)
        return made

    def piece(self, name: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """A drawn piece by its name: key, stage, language and whatever else decides it."""
        with self._lock:
            if name in self._pieces:
                self._pieces.move_to_end(name)
                return self._pieces[name]
        made = make()
        with self._lock:
            self._pieces[name] = made
            while len(self._pieces) > _MOST_PIECES:
                self._pieces.popitem(last=False)
        return made
