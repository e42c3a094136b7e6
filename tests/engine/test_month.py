"""A month keeps its laws: people, tallies, columns, claims and money agree to the last unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from sim import payment
from sim.engine.counting import CLAIM_SPLIT
from sim.engine.tables import LISTED, NEEDS_BED, NO_GROUP, PLANNED, READMITTED, SESSIONS
from sim.month import MONTHS, World, activity_of, build_world, run_month, simulate
from sim.scenario import load
from sim.tallies import PersonTally as P
from sim.tallies import ProviderTally as T
from sim.tallies import cell_traits

PEOPLE = 500
SCENARIOS = (
    "tiny",
    "tiny-fee-for-service",
    "tiny-capitation",
    "tiny-drg",
    "tiny-global-budget",
    "tiny-value-based",
)


def world_of(
    name: str,
    months: int,
    people: int = PEOPLE,
    seed: int = 3,
    claims: bool = True,
    parameters: Mapping[str, float] | None = None,
    **policies: Any,
) -> World:
    scenario = load(name)
    given = {"before": scenario.before, "after": scenario.after, **policies}
    return build_world(
        scenario.region(),
        months_before=12,
        months=months,
        warm_up=0,
        seed=seed,
        population=people,
        parameters={**scenario.parameters, **(parameters or {})},
        claims=claims,
        **given,
    )


@dataclass
class Lived:
    """A run watched at the end of every month: generations, and columns that broke a law."""

    world: World
    generations: list[np.ndarray]
    breaches: list[str]
    settled: list[tuple[int, int, np.ndarray, np.ndarray]]


def breaches_of(world: World) -> list[str]:
    """Name every law that a column breaks between two months."""
    c = world.columns
    is_open = c.ep_group != NO_GROUP
    is_listed = (c.ep_flags & LISTED) != 0
    n = len(world.setting.beds)
    laws = {
        "control is of a condition one has": (c.control & ~c.chronic) == 0,
        "severity lies between the ends": ~is_open | ((c.ep_rank > 0.0) & (c.ep_rank < 1.0)),
        "flags belong to an open episode": is_open | (c.ep_flags == 0),
        "groups exist": ~is_open | (c.ep_group < len(world.setting.need_out)),
        "levels exist": c.ep_level < 3,
        "a list has a provider with beds": ~is_listed
        | (world.setting.beds[np.maximum(c.wait_provider, 0)] > 0.0),
        "only the listed wait": is_listed == (c.wait_provider >= 0),
        "only who needs a bed is listed": ~is_listed | ((c.ep_flags & NEEDS_BED) != 0),
        "a planned stay is on a list and of a course": ((c.ep_flags & PLANNED) == 0)
        | (is_listed & (c.course > 0) & (c.course < SESSIONS) & (c.wait_months == 0)),
        "who has planned stays to come has an open episode": (c.course == 0)
        | (c.course >= SESSIONS)
        | is_open,
        "sessions for life are of a condition one has": (c.course < SESSIONS)
        | ((c.chronic >> np.maximum(c.course, SESSIONS) - SESSIONS) & 1 == 1),
        "months waited are of a list": is_listed | (c.wait_months == 0),
        "follow-up is of a group": (c.follow_left > 0) == (c.follow_group != NO_GROUP),
        "own spending is part of spending": (c.oop_year >= 0) & (c.oop_year <= c.spent_year),
        "practices are practices": world.region.providers.kind[c.practice] == 0,
        "the last provider exists": (c.last_provider >= -1) & (c.last_provider < n),
        "experience is a mean of outcomes": (np.abs(c.experience_practice) <= 10.0)
        & (np.abs(c.experience_secondary) <= 10.0)
        & (np.abs(c.experience_tertiary) <= 10.0),
        "frailty is a number": np.isfinite(c.frailty),
    }
    return [
        f"month {world.month}: {law}, {int((~held).sum())} people"
        for law, held in laws.items()
        if not held.all()
    ]


@cache
def lived(name: str, months: int = 24) -> Lived:
    world = world_of(name, months)
    generations = [world.columns.generation.copy()]
    breaches: list[str] = []
    settled = []
    while world.month < months:
        run_month(world)
        generations.append(world.columns.generation.copy())
        breaches += breaches_of(world)
        if world.month % MONTHS == 0:
            for agreement in world.agreements:
                payer, rows = agreement.payer, agreement.rows
                year = activity_of(world.setting, world.year, payer, rows)
                revenue = np.floor(np.maximum(agreement.model.revenue(year), 0.0) * 100.0 + 0.5)
                settled.append((world.month, payer, rows, revenue.astype(np.int64)))
    return Lived(world, generations, breaches, settled)


def total(name: str, table: str, column: int) -> np.ndarray:
    """One tally over everyone, by month and payer."""
    history = lived(name).world.history
    if table == "provider":
        return np.array([month["provider"][:, :, column].sum(axis=0) for month in history])
    n_payers = lived(name).world.n_payers
    of = cell_traits(n_payers)["payer"]
    return np.array(
        [
            [month["person"][of == payer, column].sum() for payer in range(n_payers)]
            for month in history
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_nobody_appears_or_vanishes_and_a_life_ends_only_once(name: str) -> None:
    run = lived(name)
    deaths = total(name, "person", P.DEATHS).sum(axis=1)
    for month, (before, after) in enumerate(
        zip(run.generations, run.generations[1:], strict=False)
    ):
        assert len(after) == PEOPLE
        born = after.astype(np.int64) - before
        assert born.min() >= 0
        assert born.sum() == deaths[month]


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_who_is_alive_after_need_lives_the_month_on_one_list(name: str) -> None:
    months = total(name, "person", P.PERSON_MONTHS)
    assert np.array_equal(months, total(name, "provider", T.MEMBERS))
    # A death during a stay comes after the month was counted, any other before.
    before_care = total(name, "person", P.DEATHS) - total(name, "provider", T.DEATHS)
    assert np.array_equal((months + before_care).sum(axis=1), np.full(24, PEOPLE))


@pytest.mark.parametrize("name", SCENARIOS)
def test_columns_keep_their_laws_every_month(name: str) -> None:
    assert lived(name).breaches == [], lived(name).breaches


SAME = [
    (T.FIRST_VISITS, P.FIRST_CONTACTS),
    (T.BED_DAYS, P.BED_DAYS),
    (T.DEFERRED, P.DEFERRED),
    (T.REFUSED, P.REFUSED),
    (T.REFERRED_DOWN, P.REFERRED_DOWN),
    (T.READMISSIONS, P.READMISSIONS),
    (T.DISCHARGES, P.DISCHARGES),
    (T.WAITED, P.WAITED),
    (T.CONDITIONS, P.CONDITIONS),
    (T.CONTROLLED, P.CONTROLLED),
    (T.EXPERIENCE, P.EXPERIENCE),
    (T.CONTACTS_RATED, P.CONTACTS_RATED),
]
SUMS = {
    "visits": ((T.VISITS,), (P.VISITS_PRACTICE, P.VISITS_SECONDARY, P.VISITS_TERTIARY)),
    "admissions": (
        (T.ADMISSIONS,),
        (P.ADMISSIONS_PRACTICE, P.ADMISSIONS_SECONDARY, P.ADMISSIONS_TERTIARY),
    ),
    "charges": ((T.CHARGE_OUT, T.CHARGE_IN), (P.SPENDING,)),
    "covered": ((T.COVERED_OUT, T.COVERED_IN), (P.COVERED,)),
    "patients' payments": (
        (T.PATIENT_OUT, T.PATIENT_IN, T.UNCOVERED_OUT, T.UNCOVERED_IN),
        (P.PATIENT,),
    ),
    "referrals": ((T.REFERRED_UP, T.TRANSFERRED), (P.REFERRED_UP,)),
    "members' spending": ((T.SPENT_HERE, T.SPENT_ELSEWHERE), (P.COVERED,)),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_providers_did_is_what_happened_to_people_payer_by_payer(name: str) -> None:
    for of_provider, of_person in SAME:
        assert np.array_equal(
            total(name, "provider", of_provider), total(name, "person", of_person)
        ), of_provider.name
    for what, (left, right) in SUMS.items():
        ours = sum(total(name, "provider", column) for column in left)
        theirs = sum(total(name, "person", column) for column in right)
        assert np.array_equal(ours, theirs), what


@pytest.mark.parametrize("name", SCENARIOS)
def test_tables_by_group_add_to_the_tallies_of_each_provider_and_payer(name: str) -> None:
    for month in lived(name).world.history:
        tally = month["provider"]
        # A stay billed as two is one stay.
        second = tally[:, :, T.SPLIT]
        assert np.array_equal(month["true_level"].sum(axis=(2, 3)), tally[:, :, T.ADMISSIONS])
        assert np.array_equal(month["billed"].sum(axis=(2, 3)), tally[:, :, T.ADMISSIONS] + second)
        assert (month["billed"].sum(axis=3) >= month["true_level"].sum(axis=3)).all()
        assert np.array_equal(month["days"].sum(axis=2), tally[:, :, T.BED_DAYS])
        kinds = lived(name).world.region.providers.kind
        for kind in range(3):
            there = tally[kinds == kind, :, T.VISITS].sum()
            assert month["visits_by_group"][kind].sum() == there


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_tally_but_experience_and_lost_health_is_negative(name: str) -> None:
    for month in lived(name).world.history:
        lowest = month["provider"].min(axis=(0, 1))
        assert [T(k).name for k in np.flatnonzero(lowest < 0) if k != T.EXPERIENCE] == []
        lowest = month["person"].min(axis=0)
        assert [
            P(k).name for k in np.flatnonzero(lowest < 0) if k not in (P.EXPERIENCE, P.QALY)
        ] == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_charges_divide_into_covered_and_uncovered_and_patients_owe_a_part(name: str) -> None:
    for month in lived(name).world.history:
        tally = month["provider"]
        for charge, covered, uncovered, patient in (
            (T.CHARGE_OUT, T.COVERED_OUT, T.UNCOVERED_OUT, T.PATIENT_OUT),
            (T.CHARGE_IN, T.COVERED_IN, T.UNCOVERED_IN, T.PATIENT_IN),
        ):
            assert np.array_equal(tally[..., charge], tally[..., covered] + tally[..., uncovered])
            assert (tally[..., patient] <= tally[..., covered]).all()
            assert np.array_equal(
                month["uncovered"], tally[..., T.UNCOVERED_OUT] + tally[..., T.UNCOVERED_IN]
            )


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_ledger_takes_from_patients_what_the_tallies_say_they_owe(name: str) -> None:
    run = lived(name).world
    book = run.ledger
    for month, row in enumerate(run.history):
        tally = row["provider"].sum(axis=(0, 1))
        assert book.total("patient_covered", month) == tally[T.PATIENT_OUT] + tally[T.PATIENT_IN]
        assert (
            book.total("patient_uncovered", month) == tally[T.UNCOVERED_OUT] + tally[T.UNCOVERED_IN]
        )
        assert book.total("medical_assistance", month) == tally[T.AID]
    fifths = run.ledger.patients()
    assert fifths["amount"].sum() == total(name, "person", P.PATIENT).sum()


@pytest.mark.parametrize("name", SCENARIOS)
def test_december_brings_receipts_to_what_the_contract_allows_for_the_year(name: str) -> None:
    run = lived(name).world
    covers = np.asarray(run.benefits.covers)
    for month, payer, rows, revenue in lived(name).settled:
        year = run.history[month - MONTHS : month]
        tally = sum(m["provider"][rows, payer] for m in year)
        own = tally[:, T.PATIENT_OUT] + tally[:, T.PATIENT_IN] + tally[:, T.AID]
        receipts = sum(m["receipts"][rows, payer] for m in year)
        fund = sum(m["fund_paid"][rows, payer] for m in year)
        # A payer that covers nothing owes nothing; no payer takes money from patients' shares.
        allowed = np.maximum(revenue, own) if covers[payer] else own
        assert np.array_equal(receipts, allowed)
        assert np.array_equal(fund, allowed - own)


@pytest.mark.parametrize("name", SCENARIOS)
def test_at_no_month_has_a_payer_taken_back_more_than_it_paid_this_year(name: str) -> None:
    run = lived(name).world
    paid = np.array([month["fund_paid"] for month in run.history])
    by_year = paid.reshape(-1, MONTHS, *paid.shape[1:])
    assert (by_year.cumsum(axis=1) >= 0).all()


@pytest.mark.parametrize("name", SCENARIOS)
def test_claims_add_up_to_the_tallies_of_each_provider_and_payer(name: str) -> None:
    run = lived(name).world
    for claims, month in zip(run.claims, run.history, strict=True):
        tally = month["provider"]
        place = (claims["provider"].astype(np.int64), claims["payer"].astype(np.int64))
        inside = claims["setting"] == 2

        def added(
            amounts: np.ndarray,
            of: np.ndarray,
            place: tuple[np.ndarray, np.ndarray] = place,
            shape: tuple[int, int] = tally.shape[:2],
        ) -> np.ndarray:
            out = np.zeros(shape, dtype=np.int64)
            np.add.at(out, (place[0][of], place[1][of]), amounts[of].astype(np.int64))
            return out

        for of, suffix in ((~inside, "OUT"), (inside, "IN")):
            for column in ("charge", "covered", "uncovered", "patient", "cost"):
                counted = tally[..., T[f"{column.upper()}_{suffix}"]]
                assert np.array_equal(added(claims[f"{column}_fen"], of), counted), column
            for j in range(4):
                for what in ("units", "need"):
                    counted = tally[..., T[f"{what.upper()}_{suffix}_{j}"]]
                    assert np.array_equal(added(claims[f"{what}_milli"][:, j], of), counted)
        one = np.ones(len(inside), dtype=np.int64)
        assert np.array_equal(added(claims["visits"], ~inside), tally[..., T.VISITS])
        split = (claims["flags"] & CLAIM_SPLIT) > 0
        assert np.array_equal(added(one, split), 2 * tally[..., T.SPLIT])
        assert np.array_equal(added(one, inside), tally[..., T.ADMISSIONS] + tally[..., T.SPLIT])
        assert np.array_equal(added(claims["days"], inside), tally[..., T.BED_DAYS])
        # Both bills of a split stay have its level: each is half a stay.
        halves = np.where(split, 1, 2)
        higher = claims["level_billed"] > claims["level_true"]
        assert np.array_equal(added(halves, higher), 2 * tally[..., T.UPCODED])
        lower = claims["level_billed"] < claims["level_true"]
        assert np.array_equal(added(halves, lower), 2 * tally[..., T.UNDERCODED])


def test_claims_priced_one_by_one_are_the_activity_priced_at_once() -> None:
    run = lived("tiny-fee-for-service").world
    setting = run.setting
    covered_share = run.region.providers.covered_share
    claims = {key: np.concatenate([m[key] for m in run.claims]) for key in run.claims[0]}
    is_second_year = claims["month"] >= MONTHS
    for agreement in run.agreements:
        model = agreement.model
        year = activity_of(setting, run.year, agreement.payer, agreement.rows)
        for row, revenue in zip(agreement.rows, model.revenue(year), strict=True):
            mine = is_second_year & (claims["provider"] == row)
            mine &= claims["payer"] == agreement.payer
            priced = 0.0
            for k in np.flatnonzero(mine):
                units = claims["units_milli"][k] / 1000.0
                if claims["setting"][k] == 2:
                    charge = units @ setting.price_in[row]
                    charge += claims["days"][k] * setting.day_price[row]
                    priced += charge * covered_share[row, 1]
                else:
                    priced += units @ setting.price_out[row] * covered_share[row, 0]
                # A charge is what the list says, rounded once.
                share = covered_share[row, 1 if claims["setting"][k] == 2 else 0]
                assert (
                    abs(claims["covered_fen"][k] / 100.0 - claims["charge_fen"][k] * share / 100.0)
                    <= 0.0051
                )
            assert priced == pytest.approx(revenue, rel=1e-12, abs=1e-9)


@pytest.mark.slow
def test_a_reform_that_changes_nothing_keeps_the_very_contracts() -> None:
    scenario = load("tiny")
    world = world_of("tiny", 13, people=50, claims=False, after=scenario.before)
    while world.month < 12:
        run_month(world)
    run_month(world)
    renewed = {(a.payer, tuple(a.rows)): a.model for a in world.agreements}
    twin = world_of("tiny", 13, people=50, claims=False, after=scenario.before)
    twin.reform_month = 24
    while twin.month < 13:
        run_month(twin)
    for agreement in twin.agreements:
        mine = renewed[agreement.payer, tuple(agreement.rows)]
        assert mine.to_spec() == agreement.model.to_spec()
    assert np.array_equal(world.history[-1]["provider"], twin.history[-1]["provider"])
    assert np.array_equal(world.history[-1]["receipts"], twin.history[-1]["receipts"])


def test_a_reform_of_some_leaves_the_others_their_contract_objects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sim.terms

    started: list[list[Any]] = []
    start = sim.terms._start_reform

    def watched(world: World, drift: float) -> None:
        started.append(list(world.agreements))
        start(world, drift)
        started.append(list(world.agreements))

    monkeypatch.setattr(sim.terms, "_start_reform", watched)
    world = world_of("tiny-capitation", 13, people=50, claims=False)
    simulate(world)
    before, after = started
    old = {(a.payer, tuple(a.rows)): a for a in before}
    kept = [a for a in after if old.get((a.payer, tuple(a.rows))) is a]
    # Practices of two schemes are paid by the member now; hospitals and the uninsured are not.
    assert len(kept) == len(before) - 2
    assert all("capitation" not in a.spec for a in kept)


def test_providers_of_several_contracts_that_join_one_earn_at_first_what_they_earned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sim.terms

    found: list[tuple[float, float, bool]] = []
    resolve = sim.terms.payment.resolve_neutral

    def watched(model: Any, base: Any, receipts: Any, previous: Any) -> Any:
        new = resolve(model, base, receipts, previous)
        if len(receipts) == 3:  # not the hospital's total, which the new year fixes first
            found.append((new.revenue(base).sum(), receipts.sum(), payment.has_neutral(new)))
        return new

    monkeypatch.setattr(sim.terms.payment, "resolve_neutral", watched)
    together = load("tiny").with_payment(load("china-county-consortium").resolved()["payment"])
    world = world_of("tiny", 13, people=300, claims=False, after=together.after)
    while world.month < 12:
        run_month(world)
    found.clear()
    run_month(world)
    # Two schemes' pools; hospitals came from a total, practices from plain fees.
    assert len(found) == 2
    for earned, receipts, is_open in found:
        assert earned == pytest.approx(receipts, rel=1e-9)
        assert not is_open


def test_a_provider_may_leave_a_contract_in_which_each_had_terms_of_its_own() -> None:
    own = {"village-practice": 30.0, "town-practice": 40.0, "hospital": 60.0}
    everyone = {"payer": ["resident-scheme"], "providers": {"inside": True}}
    hospital = {"payer": ["resident-scheme"], "providers": {"ids": ["hospital"]}}
    tiny = load("tiny")
    before = tiny.with_payment([{**everyone, "contract": {"service_unit": {"rate": own}}}]).after
    # What priced items before splits the whole between parts that are neutral together.
    parts = {
        "blend": [
            {"scope": {"setting": "inpatient"}, "contract": {"per_diem": {"rate": "neutral"}}},
            {"scope": "rest", "contract": {"service_unit": {"rate": "neutral"}}},
        ]
    }
    rest = {**everyone, "contract": {"service_unit": {"rate": 35.0}}}
    after = tiny.with_payment([rest, {**hospital, "contract": parts}]).after
    world = world_of("tiny", 13, people=300, claims=False, before=before, after=after)
    simulate(world)
    (found,) = (a for a in world.agreements if "blend" in a.spec)
    assert len(found.rows) == 1
    assert not payment.has_neutral(found.model)


@pytest.mark.slow
def test_a_month_replays_to_the_bit() -> None:
    first, second = (simulate(world_of("tiny-drg", 14, people=60)) for _ in range(2))
    assert np.array_equal(first.provider, second.provider)
    assert np.array_equal(first.person, second.person)
    assert np.array_equal(first.receipts, second.receipts)
    assert np.array_equal(first.levers, second.levers)


def test_an_untreated_illness_never_gets_infinitely_severe() -> None:
    world = world_of("tiny", 12, people=60, claims=False, parameters={"seek_constant": -60.0})
    c = world.columns
    # Regions are read once and shared: change a copy, never the arrays.
    groups = replace(
        world.region.groups, self_limiting=np.zeros_like(world.region.groups.self_limiting)
    )
    world.setting = replace(world.setting, region=replace(world.region, groups=groups))
    c.ep_group[:] = int(np.argmax(world.region.groups.worsening))
    c.ep_rank[:] = np.float32(1.0 - 2.0**-24)
    c.ep_untreated[:] = 1
    c.ep_flags[:] = NEEDS_BED
    for _ in range(3):
        run_month(world)
        assert breaches_of(world) == []


def test_claims_hold_a_person_referred_seen_and_admitted_in_one_month() -> None:
    # Nearly every contact is referred, obeyed and admitted: three claims for one person.
    scenario = load("tiny")
    region = scenario.region()
    roomy = replace(
        region.providers,
        visits_capacity=region.providers.visits_capacity * 1000.0,
        beds=region.providers.beds * 1000.0,
    )
    parameters = {
        "need_scale": 60.0,
        "refer_base": 0.98,
        "referral_compliance": 50.0,
        "seek_constant": 50.0,
        "bed_need_scale": 30.0,
        "attraction_secondary": -30.0,
    }
    world = build_world(
        replace(region, providers=roomy),
        scenario.before,
        scenario.after,
        months_before=12,
        months=12,
        warm_up=0,
        seed=1,
        population=2,
        parameters=parameters,
        claims=True,
    )
    history = simulate(world)
    claims = history.claims
    assert claims is not None
    assert len({len(column) for column in claims.values()}) == 1
    together = np.stack((claims["month"].astype(np.uint64), claims["person_uid"]), axis=1)
    _, of_one = np.unique(together, axis=0, return_counts=True)
    assert of_one.max() == 3
    charged = history.provider[..., T.CHARGE_OUT] + history.provider[..., T.CHARGE_IN]
    assert claims["charge_fen"].astype(np.int64).sum() == charged.sum()


@pytest.mark.slow
def test_people_whom_everyone_signs_for_decide_without_odds() -> None:
    scenario = load("tiny")
    region = scenario.region()
    for share, expected in ((1.0, 1), (0.0, 0)):
        people = replace(region.people, contract_share=share, contract_share_priority=share)
        world = build_world(
            replace(region, people=people),
            scenario.before,
            scenario.after,
            months_before=12,
            months=13,
            warm_up=0,
            seed=1,
            population=40,
            parameters={"retention": 0.0},
        )
        simulate(world)
        assert (world.columns.contract == expected).all()


def test_an_illness_goes_on_when_a_bed_offered_without_need_is_taken() -> None:
    scenario = load("tiny")
    region = scenario.region()
    # Beds too few for a single stay, offered to everyone; no outpatient care cures.
    crowded = replace(region.providers, beds=np.where(region.providers.beds > 0.0, 1e-3, 0.0))
    lasting = replace(region.groups, self_limiting=np.zeros_like(region.groups.self_limiting))
    world = build_world(
        replace(region, providers=crowded, groups=lasting),
        scenario.before,
        scenario.after,
        months_before=12,
        months=12,
        warm_up=0,
        seed=1,
        population=400,
        parameters={"idle_scale": 100.0, "recovery_probability": 0.0},
    )
    c = world.columns
    for _ in range(3):
        was_ill, lives = c.ep_group != NO_GROUP, c.generation.copy()
        run_month(world)
        assert breaches_of(world) == []
        assert (c.ep_group[was_ill & (c.generation == lives)] != NO_GROUP).all()
    history = world.history
    assert sum(month["provider"][..., T.NO_BED].sum() for month in history) > 50
    assert sum(month["provider"][..., T.ADMISSIONS].sum() for month in history) == 0


def test_a_person_readmitted_is_not_on_any_list() -> None:
    for name in SCENARIOS:
        c = lived(name).world.columns
        back = (c.ep_flags & READMITTED) != 0
        assert ((c.ep_flags[back] & NEEDS_BED) != 0).all()
