"""Stays sorted by side and band: counted as a contract asks, and seen by those who act on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.errors import PaymentError
from sim.month import World, build_world, run_month, simulate
from sim.payment import build, case_rule, has_neutral
from sim.scenario import load
from sim.sorting import Sorted, sort_stays, sorting_of
from sim.tallies import ProviderTally as T
from sim.terms import last_year, neutral_to_last_year
from sim.world import activity_of, contract_context, trended
from tests.sorting_contracts import ByItem, contract, made_up_world

# Many small runs: together more than a minute of the quick tests.
pytestmark = pytest.mark.slow

NOTCH: dict[str, Any] = {
    "bounds": (3000.0, 9000.0),
    "amounts": (0.0, 6000.0, -5000.0),
    "slopes": (1.0, 0.0, 1.0),
    "last_days": (4, 9),
    "per_day": (300.0, 200.0, 50.0),
}


def run(months: int = 24, **kwargs: Any) -> World:
    world = made_up_world(months, **kwargs)
    while world.month < months:
        run_month(world)
    return world


@pytest.fixture(scope="module")
def lived() -> World:
    return run(23, population=1500, **NOTCH)


def stays_of(world: World, first: int, last: int) -> dict[str, np.ndarray]:
    columns = {
        name: np.concatenate([part[name] for part in world.claims[first:last]])
        for name in world.claims[0]
    }
    inside = columns["setting"] == 2
    return {name: column[inside] for name, column in columns.items()}


def priced(stays: dict[str, np.ndarray], covered_days: np.ndarray) -> np.ndarray:
    """What each stay brings, worked out from its claim alone."""
    charge = stays["covered_fen"] / 100.0
    side = (charge >= 3000.0).astype(int) + (charge >= 9000.0)
    brings = np.array(NOTCH["amounts"])[side] + np.array(NOTCH["slopes"])[side] * charge
    days = stays["days"].astype(float)
    by_day = (
        300.0 * np.minimum(days, 4.0)
        + 200.0 * np.clip(days - 4.0, 0.0, 5.0)
        + 50.0 * np.maximum(days - 9.0, 0.0)
    )
    return brings + by_day * covered_days


def sides_that_add_up(world: World, first: int, last: int) -> set[int]:
    """Check the year's tallies, as contracts price them, against claims; give the sides seen."""
    stays = stays_of(world, first, last)
    share = world.region.providers.covered_share[:, 1]
    each = priced(stays, share[stays["provider"]])
    seen: set[int] = set()
    for agreement in world.agreements:
        year = activity_of(world.setting, world.year, agreement.payer, agreement.rows)
        seen.update(np.flatnonzero(year.cases_side.sum(axis=(0, 1, 2))).tolist())
        for row, amount in zip(agreement.rows, agreement.model.revenue(year), strict=True):
            mine = (stays["provider"] == row) & (stays["payer"] == agreement.payer)
            assert amount == pytest.approx(each[mine].sum(), rel=1e-12, abs=1e-6)
    return seen


def test_claims_priced_one_by_one_add_up_to_what_the_tallies_bring(lived: World) -> None:
    assert sides_that_add_up(lived, 12, 23) == {0, 1, 2}


def test_the_first_year_is_sorted_by_the_contracts_it_begins_with() -> None:
    world = run(11, population=1500, from_start=True, **NOTCH)
    assert sides_that_add_up(world, 0, 11) == {0, 1, 2}


def test_stays_are_not_counted_where_a_side_has_no_place() -> None:
    world = run(1, **NOTCH)
    sides = world.sorting.n_sides
    unsorted = Sorted.nothing(*world.sorting.opens.shape, sides=sides + 1)
    with pytest.raises(ValueError, match=f"{sides} told apart"):
        sort_stays(world.rolling[0].stays, world.sorting, unsorted)


def test_sides_and_bands_hold_every_stay_its_charge_and_its_days(lived: World) -> None:
    sums = lived.year.provider
    np.testing.assert_array_equal(
        lived.year.stays.cases.sum(axis=(2, 3, 4)), sums[:, :, T.ADMISSIONS] + sums[:, :, T.SPLIT]
    )
    np.testing.assert_array_equal(lived.year.stays.cases.sum(axis=4), lived.year.billed)
    np.testing.assert_array_equal(
        lived.year.stays.charges.sum(axis=(2, 3, 4)), sums[:, :, T.COVERED_IN]
    )
    np.testing.assert_array_equal(lived.year.stays.days.sum(axis=(2, 3)), sums[:, :, T.BED_DAYS])


def test_the_last_twelve_months_are_sorted_as_their_claims_say(lived: World) -> None:
    stays = stays_of(lived, 11, 23)
    assert lived.recent.months == 12
    charge = stays["covered_fen"]
    for side, inside in enumerate(
        (charge < 300_000, (charge >= 300_000) & (charge < 900_000), charge >= 900_000)
    ):
        assert lived.recent.stays.cases[..., side].sum() == inside.sum()
        assert lived.recent.stays.charges[..., side].sum() == charge[inside].astype(int).sum()
    assert lived.recent.stays.days[..., 0].sum() == np.minimum(stays["days"], 4).sum()


def test_a_contract_finds_the_year_before_sorted_by_its_own_rule() -> None:
    world = run(12, population=800, **NOTCH)
    rows = np.arange(len(world.setting.beds))
    made_up = contract(len(rows), len(world.setting.need_out), **NOTCH)
    assert world.sorting.n_sides == 1
    stays = stays_of(world, 0, 12)
    for growth in (0.0, 0.3):
        year = last_year(world, 0, rows, made_up, growth)
        charge = stays["covered_fen"][stays["payer"] == 0] / 100.0
        expected = np.histogram(charge * (1.0 + growth), [0.0, 3000.0, 9000.0, np.inf])[0]
        np.testing.assert_array_equal(year.cases_side.sum(axis=(0, 1, 2)), expected)
        np.testing.assert_allclose(year.charges_side.sum(), charge.sum())


def test_without_a_rule_one_side_gives_the_mean_charge_of_every_group_and_level() -> None:
    world = run(6, population=500)
    rows = np.arange(len(world.setting.beds))
    year = activity_of(world.setting, world.year, 0, rows)
    assert year.cases_side.shape[-1] == year.charges_side.shape[-1] == year.bed_days.shape[-1] == 1
    np.testing.assert_array_equal(year.cases_side[..., 0], year.admissions[..., 0])
    covered = world.year.provider[:, 0, T.COVERED_IN] / 100.0
    np.testing.assert_allclose(year.charges_side.sum(axis=(1, 2, 3)), covered)


class _Both:
    """A tree of several contracts, as far as its rules go."""

    reads: frozenset[str] = frozenset()

    def __init__(self, *parts: ByItem) -> None:
        self.parts = parts

    def thresholds(self) -> tuple[Any, ...]:
        return tuple(rule for part in self.parts for rule in part.thresholds())

    def episodes(self) -> tuple[Any, ...]:
        return tuple(rule for part in self.parts for rule in part.episodes())

    def revenue(self, activity: Any) -> np.ndarray:
        return np.zeros(activity.n_providers)


def test_nodes_may_share_a_sorting_or_ask_for_sides_and_bands_apart() -> None:
    sides = contract(2, 3, bounds=(100.0, 200.0))
    bands = contract(2, 3, last_days=(5,))
    for tree in (_Both(sides, bands), _Both(bands, sides), _Both(sides, bands, sides, bands)):
        rule = case_rule(tree)
        assert rule is not None
        assert (rule.n_sides, rule.last_days) == (3, (5,))
    assert case_rule(contract(2, 3)).n_sides == 1


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        ({"bounds": (100.0,)}, {"bounds": (150.0,)}, "thresholds of charges"),
        ({"bounds": (100.0,)}, {"bounds": (100.0, 150.0)}, "thresholds of charges"),
        ({"last_days": (3,)}, {"last_days": (3, 7)}, "bands of days"),
    ],
)
def test_a_tree_that_asks_for_two_sortings_is_refused(one: Any, other: Any, what: str) -> None:
    with pytest.raises(PaymentError, match=what):
        case_rule(_Both(contract(2, 3, **one), contract(2, 3, **other)))


@pytest.mark.parametrize("terms", [{"bounds": (200.0, 100.0)}, {"last_days": (5, 5)}])
def test_bounds_that_do_not_rise_are_refused(terms: Any) -> None:
    with pytest.raises(PaymentError, match="rising order"):
        case_rule(contract(2, 3, **terms))


def test_contracts_of_different_widths_live_side_by_side() -> None:
    narrow, wide = contract(1, 2, bounds=(100.0,)), contract(1, 2, last_days=(2, 4))
    rows = (np.array([0]), np.array([1]))
    sorting = sorting_of([(0, rows[0], narrow), (0, rows[1], wide)], 3, 1, 2)
    assert sorting.sides[:, 0].tolist() == [2, 1, 1]
    assert sorting.bands[:, 0].tolist() == [1, 3, 1]
    assert sorting.bounds[:2, 0, 0, 0, 0].tolist() == [100.0, np.inf]
    assert sorting.last_day[:, 0].tolist() == [[np.inf, np.inf], [2.0, 4.0], [np.inf, np.inf]]


def test_stays_bunch_before_a_step_down_in_a_run() -> None:
    """Twin runs under per diems: 700 a day throughout, or 700 to the sixth day and nothing after.

    The same people need the same stays, so that only the step tells the runs apart.
    """
    at_once = {"last_days": (6,), "population": 3000, "months": 18}
    steady = stays_of(run(per_day=(700.0, 700.0), **at_once), 14, 18)["days"]
    falling = stays_of(run(per_day=(700.0, 0.0), **at_once), 14, 18)["days"]
    assert len(steady) > 100
    assert np.mean(falling > 6) < np.mean(steady > 6)
    assert np.mean(falling == 6) > np.mean(steady == 6)


def test_what_a_stay_is_expected_to_bring_follows_the_side() -> None:
    world = run(14, population=1000, **NOTCH)
    terms = world.marginals.stay
    assert terms.n_sides == 3
    assert terms.n_bands == 3
    covered = world.region.providers.covered_share[:, 1]
    list_day = (1.0 - covered) * world.setting.day_price
    np.testing.assert_allclose(terms.bands[:, 0, 0, 0], 300.0 * covered + list_day)
    np.testing.assert_allclose(terms.amounts[0, 0, 0, 0], [0.0, 6000.0, -5000.0], rtol=1e-9)
    assert np.isfinite(world.marginals.case).all()
    # Dear cases bring every yuan charged beyond the bound, cheap ones too; those between, none.
    style = world.organizations.style_in
    assert style.shape[0] == 3
    assert (style[0] >= style[1]).all()
    assert (style[2] >= style[1]).all()
    assert (style[0] > style[1]).any()


def test_a_whole_run_under_a_rule_ends_with_closed_books() -> None:
    history = simulate(made_up_world(26, population=300, **NOTCH))
    assert history.receipts.shape[0] == 26
    assert (history.receipts.sum(axis=(1, 2)) > 0).all()


# Contracts for stays whose thresholds or bands follow from terms that are neutral.
INPATIENT: dict[str, Any] = {
    "drg with dear outliers": {"drg": {"base_rate": "neutral", "high_outlier": 1.5}},
    "drg with a fixed loss": {
        "drg": {"base_rate": "neutral", "high_outlier": 1.0, "fixed_loss": 2000.0}
    },
    "drg with outliers on both sides": {
        "drg": {"low_outlier": 0.4, "high_outlier": 2.5, "recalibration": 0.5}
    },
    "dip": {"dip": {"pool": "neutral", "rest_share": 0.8}},
    "per diem in bands": {
        "per_diem": {"bands": [{"to": 4, "ratio": 1.3}, {"to": 10, "ratio": 1.0}, {"ratio": 0.7}]}
    },
}
FEES: dict[str, Any] = {"fee_for_service": {"schedule": "list"}}
NEUTRAL: dict[str, Any] = {
    name: {
        "blend": [
            {"scope": {"setting": "inpatient"}, "contract": inside},
            {"scope": "rest", "contract": FEES},
        ]
    }
    for name, inside in INPATIENT.items()
}
NEUTRAL["clinical pathway"] = {
    "clinical_pathway": {
        "groups": ["appendicitis", "delivery", "biliary", "bronchitis_asthma"],
        "share_above": 0.2,
        "share_below": 0.1,
        "of": FEES,
    }
}
BUNDLE: dict[str, Any] = {
    "bundled_payment": {
        "groups": ["copd", "bronchitis_asthma", "gastritis_enteritis", "delivery", "other"],
        "months": 2,
        "target": "neutral",
        "of": FEES,
    }
}


def tiny_world(contract: Any = None, population: int = 300) -> World:
    """A tiny region that comes under the contract after its first year."""
    tiny = load("tiny")
    return build_world(
        tiny.region(),
        tiny.before,
        tiny.after if contract is None else tiny.with_payment(contract).after,
        months_before=12,
        months=26,
        warm_up=0,
        seed=1,
        population=population,
    )


@pytest.fixture(scope="module")
def eve() -> World:
    """The last moment of a tiny region's first year, before anything is neutral to it."""
    world = tiny_world(population=500)
    while world.month < 12:
        run_month(world)
    return world


@pytest.mark.parametrize("name", NEUTRAL)
def test_thresholds_that_follow_from_a_neutral_term_sort_the_year_they_are_neutral_to(
    eve: World, name: str
) -> None:
    drift = eve.region.drift.price_growth * eve.setting.values["drift_scale"]
    for old in eve.agreements:
        payer, rows = old.payer, old.rows
        model = build(NEUTRAL[name], contract_context(eve.setting, payer, rows))
        before = trended(last_year(eve, payer, rows, old.model, drift), drift)
        receipts = old.model.revenue(before)
        if not before.admissions.any():
            continue
        found = neutral_to_last_year(eve, payer, rows, model, receipts, old.model)
        assert not has_neutral(found)
        year = trended(last_year(eve, payer, rows, found, drift), drift)
        rule = case_rule(found)
        assert rule is not None
        assert (year.cases_side.shape[-1], year.bed_days.shape[-1]) == (rule.n_sides, rule.n_bands)
        assert float(found.revenue(year).sum()) == pytest.approx(float(receipts.sum()), rel=1e-9)


@pytest.mark.parametrize("name", [*NEUTRAL, "bundle"])
def test_a_contract_neutral_in_its_thresholds_is_lived_into_its_second_year(
    name: str,
) -> None:
    world = tiny_world({**NEUTRAL, "bundle": BUNDLE}[name])
    while world.month < 26:
        run_month(world)
    assert all(not has_neutral(a.model) for a in world.agreements)
    assert sum(h["receipts"].sum() for h in world.history[12:]) > 0
