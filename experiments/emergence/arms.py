"""Arms and grounds: what is paid after the reform, and in which county.

Knows scenarios and regions; must not know what is measured.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from sim.region import Region

__all__ = ["ARMS", "COUNTY", "GROUNDS", "PRACTICE", "SECONDARY", "TERTIARY", "Arm", "Ground"]

COUNTY: Final = "china-county"
PRACTICE, SECONDARY, TERTIARY = 0, 1, 2
COMPONENTS: Final = ("drugs", "diagnostics", "procedures", "labor")

_LIST: Final[Mapping[str, Any]] = {"fee_for_service": {"schedule": "list"}}
_INSURED: Final = ("resident-scheme", "employee-scheme")


def _pay(providers: Mapping[str, Any], contract: Mapping[str, Any]) -> dict[str, Any]:
    return {"payer": list(_INSURED), "providers": dict(providers), "contract": dict(contract)}


def _budget(kept: float, borne: float, growth: float = 0.0) -> dict[str, Any]:
    return {
        "global_budget": {
            "budget": "neutral",
            "surplus": [{"kept": kept}],
            "overrun": [{"borne": borne}],
            "rebasing": {"weight_on_history": 0.0, "growth": {"value": growth, "unit": "1/year"}},
            "of": dict(_LIST),
        }
    }


def _members(share: float, stop_loss: float = 1.0) -> dict[str, Any]:
    return {
        "capitation": {
            "rate": "neutral",
            "risk": "age-sex",
            "share_elsewhere": {"value": share, "unit": "share"},
            "stop_loss": {"value": stop_loss, "unit": "share"},
        }
    }


_PRACTICES: Final = {"kind": "practice", "inside": True}
_HOSPITALS: Final = {"kind": "secondary", "inside": True}
_INSIDE: Final = {"inside": True}


def _hospitals_inpatient(contract: Mapping[str, Any]) -> dict[str, Any]:
    """Pay hospitals' stays by a contract and the rest by list."""
    return {
        "blend": [
            {"scope": {"setting": "inpatient"}, "contract": dict(contract)},
            {"scope": "rest", "contract": dict(_LIST)},
        ]
    }


def _per_day(*bands: Mapping[str, float]) -> list[Mapping[str, Any]]:
    contract = {"per_diem": {"rate": "neutral", "bands": [dict(band) for band in bands]}}
    return [_pay(_HOSPITALS, _hospitals_inpatient(contract))]


STEP_DAY: Final = 7  # last day of the dear band
_DEAR, _CHEAP = 1.3, 0.4  # ratios before and after the step

# Points and nothing besides: no rules for cheap and dear cases, no aid, nothing held back.
_POINTS: Final = {
    "dip": {
        "pool": "neutral",
        "rest_share": 0.0,
        "low": 0.0,
        "high": 100.0,
        "adjustment_fund": 0.0,
        "floor": 0.0,
        "aid": 0.0,
        "own_weights": "no",
    }
}
COUNTY_HOSPITALS: Final = (
    "county-general",
    "county-tcm",
    "private-1",
    "private-2",
    "private-3",
    "private-4",
    "county-other",
    "maternal-child",
)


def _pools_of(size: int) -> list[Mapping[str, Any]]:
    """Let hospitals share pools of so many hospitals each."""
    ids = COUNTY_HOSPITALS
    return [
        _pay({"ids": list(ids[k : k + size])}, _hospitals_inpatient(_POINTS))
        for k in range(0, len(ids), size)
    ]


def _savings(sharing: float, loss_sharing: float) -> list[Mapping[str, Any]]:
    contract = {
        "shared_savings": {
            "sharing": sharing,
            "loss_sharing": loss_sharing,
            "minimum_rate": 0.0,
            "savings_cap": 1.0,
            "loss_cap": 1.0,
            "trend": {"value": 0.05, "unit": "1/year"},
            "of": dict(_LIST),
        }
    }
    return [_pay(_PRACTICES, contract)]


def _hard(weight_on_history: float, kept: float = 1.0, borne: float = 1.0) -> dict[str, Any]:
    budget = _budget(kept, borne, 0.05)
    budget["global_budget"]["rebasing"]["weight_on_history"] = weight_on_history
    return budget


def _rebased(weight_on_history: float, kept: float = 1.0) -> list[Mapping[str, Any]]:
    contract = _hard(weight_on_history, kept, kept)
    return [_pay(_HOSPITALS, contract), _pay(_PRACTICES, contract)]


def _quality(stake: float) -> list[Mapping[str, Any]]:
    contract = {
        "pay_for_performance": {
            "form": "linear",
            "stake": stake,
            "measures": {"chronic_control": 1.0, "follow_up": 1.0},
            "targets": "neutral",
            "spread": 0.1,
            "of": dict(_LIST),
        }
    }
    return [_pay(_PRACTICES, contract)]


@dataclass(frozen=True)
class Arm:
    """What a reform changes.

    Attributes
    ----------
    payment : str or list of mappings
        A scenario of the library, or contracts over the county's own.
    prices : list of mappings
        Changes of price lists besides.
    """

    payment: str | Sequence[Mapping[str, Any]] = ()
    prices: Sequence[Mapping[str, Any]] = ()


_CHEAPER_DRUGS: Final = {"component": "drugs", "price": -0.5, "cost": -0.5, "affected": 0.4}
_ITEM_FEES: Final = [_pay(_INSIDE, _LIST)]

ARMS: Final[Mapping[str, Arm]] = {
    "status-quo": Arm(),
    "item-fees": Arm("china-county-fee-for-service"),
    "per-member": Arm("china-county-capitation-primary-only"),
    # Responsibility as such: all of it, against none.
    "per-member-downstream": Arm([_pay(_PRACTICES, _members(1.0))]),
    "per-case": Arm("china-county-drg"),
    # Without growth the budgets bind as soon as need drifts up; little of a surplus is kept.
    "binding-budget": Arm(
        [
            _pay(_HOSPITALS, _budget(0.3, 1.0)),
            _pay(_PRACTICES, _budget(0.3, 1.0)),
        ]
    ),
    "by-score": Arm("china-county-value-based"),
    # Placebo twins: the same contracts with nothing at stake.
    "budget-without-stake": Arm([_pay(_INSIDE, _budget(0.0, 0.0))]),
    "per-member-without-weight": Arm(
        [
            _pay(
                _PRACTICES,
                {
                    "blend": [
                        {"weight": 1.0, "contract": dict(_LIST)},
                        {"weight": 0.0, "contract": {"capitation": {"rate": 100.0}}},
                    ]
                },
            )
        ]
    ),
    "per-member-without-share": Arm([_pay(_PRACTICES, _members(0.0, 0.25))]),
    "per-case-without-weight": Arm(
        [
            _pay(
                _INSIDE,
                {
                    "blend": [
                        {"weight": 1.0, "contract": dict(_LIST)},
                        {"weight": 0.0, "contract": {"drg": {"base_rate": 5000.0}}},
                    ]
                },
            )
        ]
    ),
    "by-score-without-stake": Arm(
        [_pay(_INSIDE, {"value_based": {"at_risk": {"value": 0.0, "unit": "share"}, "of": _LIST}})]
    ),
    # Points out of pools of eight, two and one of the county's hospitals.
    "pool-of-eight": Arm(_pools_of(8)),
    "pools-of-two": Arm(_pools_of(2)),
    "pools-of-one": Arm(_pools_of(1)),
    "points-without-weight": Arm(
        [
            _pay(
                _INSIDE,
                {
                    "blend": [
                        {"weight": 1.0, "contract": dict(_LIST)},
                        {"weight": 0.0, "contract": dict(_POINTS)},
                    ]
                },
            )
        ]
    ),
    "per-day": Arm(_per_day()),
    "per-day-declining": Arm(
        _per_day({"to": STEP_DAY, "ratio": _DEAR}, {"ratio": _CHEAP}),
    ),
    "per-day-in-equal-bands": Arm(_per_day({"to": STEP_DAY, "ratio": 1.0}, {"ratio": 1.0})),
    "consortium": Arm("china-county-consortium"),
    "consortium-interim": Arm(
        [
            _pay(
                _INSIDE,
                {
                    "blend": [
                        {
                            "scope": {"setting": "inpatient"},
                            "contract": {"drg": {"base_rate": "neutral", "weights": "list"}},
                        },
                        {
                            "scope": {"setting": "primary"},
                            "contract": {"capitation": {"rate": "neutral", "risk": "age-sex"}},
                        },
                        {"scope": "rest", "contract": dict(_LIST)},
                    ]
                },
            )
        ]
    ),
    "consortium-without-weight": Arm(
        [
            _pay(
                _INSIDE,
                {
                    "blend": [
                        {"weight": 1.0, "contract": dict(_LIST)},
                        {
                            "weight": 0.0,
                            "contract": {"consortium": {"rate": 2000.0, "of": dict(_LIST)}},
                        },
                    ]
                },
            )
        ]
    ),
    "savings-one-sided": Arm(_savings(0.5, 0.0)),
    "savings-two-sided": Arm(_savings(0.5, 0.5)),
    "savings-without-stake": Arm(_savings(0.0, 0.0)),
    "budget-fixed": Arm(_rebased(0.0)),
    "budget-ratchet": Arm(_rebased(0.7)),
    "ratchet-without-stake": Arm(_rebased(0.7, 0.0)),
    "per-case-audited": Arm("china-county-audit-drive"),
    "procured": Arm(_ITEM_FEES, [_CHEAPER_DRUGS]),
    # What hospitals and practices lose on drugs, they lose nothing of: the others are raised.
    "procured-margins-replaced": Arm(
        _ITEM_FEES,
        [_CHEAPER_DRUGS, {"component": "labor", "price": 0.3}],
    ),
    "procured-nothing": Arm(
        _ITEM_FEES, [{"component": "drugs", "price": 0.0, "cost": 0.0, "affected": 0.4}]
    ),
    "quality-small": Arm(_quality(0.01)),
    "quality-large": Arm(_quality(0.25)),
    "quality-without-stake": Arm(_quality(0.0)),
}


def _bare(region: Region) -> Region:
    """Take away what moves components besides money: habits and low-value services."""
    none = np.full_like(region.groups.low_value_component, -1)
    flat = np.zeros_like(region.providers.style_dispersion)
    return dataclasses.replace(
        region,
        groups=dataclasses.replace(region.groups, low_value_component=none),
        providers=dataclasses.replace(region.providers, style_dispersion=flat),
    )


def _at_cost(region: Region) -> Region:
    """Let every unit and day cost its list price."""
    providers = region.providers
    return dataclasses.replace(
        _bare(region),
        providers=dataclasses.replace(
            _bare(region).providers,
            cost_ratio=np.ones_like(providers.cost_ratio),
            day_cost_ratio=np.ones_like(providers.day_cost_ratio),
        ),
    )


def _roomy(region: Region) -> Region:
    """Double the beds, so that money and not room decides who is put off."""
    providers = dataclasses.replace(region.providers, beds=2.0 * region.providers.beds)
    return dataclasses.replace(region, providers=providers)


def _without_own_beds(region: Region) -> Region:
    """Take practices' own beds away, so that every stay is care elsewhere."""
    beds = np.where(region.providers.kind == PRACTICE, 0.0, region.providers.beds)
    return dataclasses.replace(region, providers=dataclasses.replace(region.providers, beds=beds))


_SIZES: Final = (
    "beds",
    "visits_capacity",
    "physicians",
    "visits_baseline",
    "admissions_baseline",
)


def _alike(region: Region) -> Region:
    """Split the county's hospitals anew into eight that are all alike, with room in their beds.

    Practices have no beds: what theirs pass on would all go to one hospital, the largest.
    """
    region = _without_own_beds(_roomy(region))
    old, zones = region.providers, region.zones
    rows = np.flatnonzero((old.kind == SECONDARY) & ~np.asarray(old.outside, dtype=bool))
    first = int(rows[0])
    columns: dict[str, Any] = {}
    for item in dataclasses.fields(old):
        values = getattr(old, item.name)
        if isinstance(values, np.ndarray):
            columns[item.name] = values.copy()
            columns[item.name][rows] = values[rows].mean() if item.name in _SIZES else values[first]
    kinds = tuple(old.type[first if p in rows else p] for p in range(len(old.type)))
    minutes = zones.travel_minutes.copy()
    minutes[:, rows] = minutes[:, [first]]
    return dataclasses.replace(
        region,
        providers=dataclasses.replace(old, type=kinds, **columns),
        zones=dataclasses.replace(zones, travel_minutes=minutes),
    )


def _one_level(region: Region) -> Region:
    """Let the levels of a group need and pay the same."""
    same = np.ones_like(region.groups.weight_level)
    groups = dataclasses.replace(region.groups, weight_level=same, los_level=same)
    return dataclasses.replace(region, groups=groups)


def _one_severity(region: Region) -> Region:
    """Let the cases of a group and level be alike."""
    none = np.zeros_like(region.groups.severity_sd)
    return dataclasses.replace(region, groups=dataclasses.replace(region.groups, severity_sd=none))


@dataclass(frozen=True)
class Ground:
    """What both arms of a comparison stand on: the county, or the county with one thing aside.

    ``before`` is the arm in force before the reform. Where a level and not a change is judged it is
    the arm itself, for styles need years to leave what they were before. ``crowded`` grounds are
    lived by more people, for effects that few cannot show; ``years`` are lived under the reform;
    ``claims`` keeps every claim of them.
    """

    region: Callable[[Region], Region] = lambda region: region
    parameters: Mapping[str, float] = field(default_factory=dict)
    before: str = "status-quo"
    crowded: bool = False
    years: int = 3
    claims: bool = False


GROUNDS: Final[Mapping[str, Ground]] = {
    "county": Ground(),
    "bare": Ground(_bare, before="item-fees"),
    "roomy": Ground(_roomy),
    "at-cost": Ground(_at_cost, {"effort_ratio": 0.0}, before="item-fees"),
    "crowd": Ground(crowded=True),
    "long": Ground(crowded=True, years=8),
    "no-own-beds": Ground(_without_own_beds, crowded=True),
    "alike": Ground(_alike),
    "stays": Ground(claims=True),
    "one-level": Ground(_one_level),
    "one-severity": Ground(_one_severity),
}
