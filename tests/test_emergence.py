"""What must emerge from incentives in a small county, with conditions and placebo twins.

The committed record (``make emergence``) asks for the sign in 90 % of seeds and 80 % of draws.
Here 8 seeds and 10 draws of 5,000 people stand guard over the five models: at least 6 and 6 must
have the sign. A claim that just meets the record's shares fails here by chance in 4 % (seeds) and
3 % (draws) of versions of the code; one without any effect passes both in 5 %. What takes eight
years or a crowd is lived with 4 seeds and 4 draws. Over the further ways of paying 3 seeds and 3
draws stand guard: 3 and 2 must have the sign; one without any effect passes both
in 6 %. Seeds are fixed, so that a version of the code passes or fails for good.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.emergence import (
    ARMS,
    CLAIMS,
    GROUNDS,
    OPEN,
    PLACEBOS,
    Job,
    Journal,
    Judgment,
    Read,
    Study,
    as_data,
    as_text,
    five_models,
    judged,
    language,
    lives,
    merged,
    parameter_draws,
    study,
    swept_parameters,
    verdicts,
)
from experiments.emergence.measures import expected_avoidable_need
from sim.scenario import load

SEEDS, DRAWS, PEOPLE = 8, 10, 5_000
SEEDS_WITH_SIGN, DRAWS_WITH_SIGN = 6, 6
FEW, FEW_SEEDS_WITH_SIGN = 3, 3
# Two thirds of six draws, not of three: of three, one effect in fifty that has its sign in 92 of
# 100 draws would fail by chance.
FEW_DRAWS, FEW_DRAWS_WITH_SIGN = 6, 4
LONG = 4

# Effects that 5,000 people cannot show against the luck of single seeds: two months of care, and
# stays that are not referred. Their mean must not have the wrong sign beyond chance; the record
# asks the rest of a larger crowd.
FAINT = {"downstream-admissions", "downstream-hospital-admissions", "budget-december"}
REQUIRED = [claim.id for claim in five_models.CLAIMS if claim.required]
FURTHER = [claim.id for claim in language.CLAIMS]
CROWDED = [claim.id for claim in five_models.CLAIMS if GROUNDS[claim.ground].crowded]
CLEAR = [name for name in REQUIRED if name not in CROWDED]


@pytest.fixture(scope="module")
def small() -> Study:
    claims = [claim.id for claim in five_models.CLAIMS if claim.id not in CROWDED]
    return study(seeds=SEEDS, draws=DRAWS, people=PEOPLE, processes=2, exact=1, claims=claims)


@pytest.fixture(scope="module")
def crowded() -> Study:
    return study(seeds=LONG, draws=LONG, people=PEOPLE, processes=2, exact=1, claims=CROWDED)


@pytest.fixture(scope="module")
def few() -> Study:
    return study(seeds=FEW, draws=FEW_DRAWS, people=PEOPLE, processes=2, exact=1, claims=FURTHER)


def signs(found: Study, series: str, name: str) -> int:
    return sum(
        math.copysign(1.0, r.claims[name].effect) == CLAIMS[name].sign
        and r.claims[name].effect != 0.0
        for r in found.of(series)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", CLEAR)
def test_a_sign_shows_in_seeds_and_over_the_ranges_of_what_is_assumed(
    name: str, small: Study
) -> None:
    assert signs(small, "seeds", name) >= SEEDS_WITH_SIGN
    # A draw that does not meet the condition says nothing of the sign.
    of_draws = [r.claims[name] for r in small.of("draws")]
    met = [x for x in of_draws if x.met]
    with_sign = sum(x.effect * CLAIMS[name].sign > 0.0 for x in met)
    assert len(met) >= DRAWS // 2
    assert with_sign * DRAWS >= DRAWS_WITH_SIGN * len(met)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(FAINT))
def test_a_faint_effect_is_not_of_the_other_sign_beyond_chance(name: str, crowded: Study) -> None:
    effects = np.array([r.claims[name].effect for r in crowded.of("seeds")]) * CLAIMS[name].sign
    error = float(effects.std(ddof=1)) / math.sqrt(len(effects))
    # 5.8 standard errors at 3 degrees of freedom: one true zero in 200.
    assert effects.mean() > -5.8 * error


@pytest.mark.slow
def test_in_given_people_responsibility_downstream_prevents(crowded: Study) -> None:
    assert signs(crowded, "seeds", "downstream-prevented") == LONG
    assert signs(crowded, "draws", "downstream-prevented") >= LONG - 1


@pytest.mark.slow
@pytest.mark.parametrize("name", REQUIRED)
def test_the_condition_that_gives_the_sign_is_met(name: str, small: Study, crowded: Study) -> None:
    found = [r.claims[name] for r in (crowded if name in CROWDED else small).of("seeds")]
    assert np.mean([x.met for x in found]) >= 0.9, [x.number for x in found]


@pytest.mark.slow
@pytest.mark.parametrize("name", [claim.id for claim in five_models.CLAIMS])
def test_where_nothing_is_at_stake_nothing_differs(name: str, small: Study, crowded: Study) -> None:
    found = crowded if name in CROWDED else small
    verdict = next(v for v in verdicts(found) if v.claim.id == name)
    assert verdict.placebo_zero, (verdict.placebo, verdict.placebo_half)


@pytest.mark.slow
@pytest.mark.parametrize("name", FURTHER)
def test_a_further_way_of_paying_does_what_theory_says_and_its_twin_nothing(
    name: str, few: Study
) -> None:
    verdict = next(v for v in verdicts(few) if v.claim.id == name)
    assert verdict.placebo_zero, (verdict.placebo, verdict.placebo_half)
    assert verdict.met_seeds >= 0.9, verdict.number
    assert verdict.seeds * FEW >= FEW_SEEDS_WITH_SIGN
    assert verdict.met_draws >= 0.5
    assert verdict.draws_where_met * FEW_DRAWS >= FEW_DRAWS_WITH_SIGN


@pytest.mark.slow
def test_a_placebo_twin_is_the_same_life_to_the_last_unit() -> None:
    lived = lives(("per-member", "per-member-without-share"), 5, 500)
    one, other = (life.history for life in lived.values())
    for name in ("provider", "person", "billed", "days", "receipts", "fund_paid"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_every_claim_names_arms_ground_and_twin_that_exist() -> None:
    for claim in CLAIMS.values():
        assert claim.arm in ARMS
        assert claim.comparator in ARMS
        assert {claim.ground, claim.comparator_ground or claim.ground} <= set(GROUNDS)
        twin = PLACEBOS[claim.placebo]
        assert twin.arm in ARMS
        assert twin.comparator in {*ARMS, "appropriate"}
        assert twin.ground in GROUNDS
        assert claim.sign in (-1, 0, 1)
        assert set(claim.text) == set(claim.condition) == {"en", "zh"}


@pytest.mark.slow
def test_a_condition_that_is_not_met_is_reported_and_not_passed_over() -> None:
    lived = lives(("status-quo",), 5, 500, ground="stays")
    same = lived["status-quo"]
    for claim in CLAIMS.values():
        found = judged(claim, same, same)
        assert found.effect == 0.0
        # Whether a budget binds and on which side a margin is are matters of one arm.
        alone = claim.arm == "binding-budget" or claim.side is not None
        assert not found.met or alone, claim.id


@pytest.mark.slow
def test_the_side_of_item_fees_follows_effort_and_patients_payments_of_the_draw() -> None:
    claim = CLAIMS["items-practices-procedures"]
    assert claim.side is not None
    # Procedures bring a tenth over their cost: an effort of a fifth turns the net margin over.
    for effort, sign in ((0.05, 1.0), (0.2, -1.0)):
        parameters = {"effort_ratio": effort, "oop_weight": 0.0}
        life = lives(("item-fees",), 5, 300, parameters, "bare")["item-fees"]
        assert claim.side(life) == sign
        assert claim.check(life, life).number == pytest.approx(0.1 - effort)
    paying = lives(("item-fees",), 5, 300, {"effort_ratio": 0.05, "oop_weight": 0.25}, "bare")
    assert claim.check(paying["item-fees"], paying["item-fees"]).number < 0.05


@pytest.mark.slow
def test_without_myopia_no_squeeze_at_the_end_of_the_year_is_claimed() -> None:
    claim = CLAIMS["budget-december"]
    for myopia in (0.0, 0.8):
        lived = lives(("status-quo", "binding-budget"), 5, 500, {"myopia": myopia}, "crowd")
        found = judged(claim, lived["binding-budget"], lived["status-quo"])
        over = found.number / (1.0 - myopia)
        assert found.met == (over > 1.0 and myopia > 0.0 and found.number < 0.84)


def test_draws_fill_the_ranges_of_what_is_assumed_or_unidentified_and_of_nothing_else() -> None:
    rows = load("china-county").region().parameters
    names = swept_parameters()
    assert {"income_elasticity", "sensitivity_share", "myopia", "retention"} <= set(names)
    assert not {n for n in names if rows[n].distribution == "fixed"}
    draws = parameter_draws(20, 1)
    for name in names:
        values = np.array([draw[name] for draw in draws])
        row = rows[name]
        assert np.all((values >= row.low) & (values <= row.high))
        u = (values - row.low) / (row.high - row.low)
        if row.distribution == "loguniform":
            u = np.log(values / row.low) / math.log(row.high / row.low)
        if row.distribution != "triangular":
            # A Latin hypercube: one draw in each twentieth of the range.
            assert sorted(np.floor(np.clip(u, 0.0, 1.0 - 1e-12) * 20.0)) == list(range(20)), name
    assert parameter_draws(20, 1) == draws


def made_up(effect: float, twin: float) -> Study:
    """Give a study in which one claim came out the same everywhere."""
    name = "case-stay"
    judgment = Judgment(effect, 1.0, True, -0.5, 1.0 + effect)
    levels = {arm: dict.fromkeys(OPEN, 1.0) for arm in ("status-quo", "per-case")}
    reads = tuple(
        Read(series, i, i, 1.0, {name: judgment}, {name: twin}, levels)
        for series in ("seeds", "draws")
        for i in range(4)
    )
    return Study(100, 100, 4, 4, 1, reads, ("myopia",), 1.0)


def test_an_effect_is_measurable_where_it_exceeds_what_luck_makes_of_counties() -> None:
    name = "quality-small"

    def verdict_of(effects: Sequence[float]) -> bool:
        reads = tuple(
            Read(
                "seeds",
                i,
                i,
                1.0,
                # Comparators of -1 and 1 by turns: a standard deviation of 1.15.
                {name: Judgment(effect, (-1.0) ** i, True, 1.0, effect)},
                {name: 0.0},
                {},
            )
            for i, effect in enumerate(effects)
        )
        return verdicts(Study(100, 100, 4, 0, 1, reads, ("myopia",), 1.0))[0].holds

    assert verdict_of((1.1, -1.1, 1.1, -1.1))
    assert not verdict_of((1.2, -1.2, 1.2, -1.2))


def test_claims_lived_again_alone_take_the_place_of_their_rows_only() -> None:
    old = as_data(made_up(-1.0, 0.0))
    other = {**old["claims"][0], "id": "case-days"}
    gone = {**old["claims"][0], "id": "no-longer-claimed"}
    old["claims"] = [other, old["claims"][0], gone]
    new = as_data(made_up(1.0, 0.0))
    both = merged(old, new)
    assert [row["id"] for row in both["claims"]] == ["case-stay", "case-days"]
    assert [row["holds"] for row in both["claims"]] == [False, True]
    assert both["effects"]["seeds"]["case-stay"] == new["effects"]["seeds"]["case-stay"]


@pytest.mark.slow
def test_of_people_alive_in_one_world_only_no_need_is_compared() -> None:
    life = lives(("status-quo",), 5, 500)["status-quo"]
    level, base = expected_avoidable_need(life, life)
    assert level == base > 0.0
    last = life.snapshots[-1]
    needy = int(np.argmax(last.avoidable))
    generation = last.generation.copy()
    generation[needy] += 1
    worse = last.avoidable.copy()
    worse[needy] *= 100.0
    others = (*life.snapshots[:-1], last._replace(generation=generation, avoidable=worse))
    level, base = expected_avoidable_need(replace(life, snapshots=others), life)
    assert level == base


def test_a_verdict_needs_the_sign_and_a_twin_at_zero() -> None:
    assert verdicts(made_up(-1.0, 0.0))[0].holds
    assert not verdicts(made_up(1.0, 0.0))[0].holds
    assert not verdicts(made_up(0.0, 0.0))[0].holds
    assert not verdicts(made_up(-1.0, 1e-9))[0].holds


def test_a_verdict_needs_its_condition_met() -> None:
    found = made_up(-1.0, 0.0)
    unmet = Judgment(-1.0, 1.0, False, 0.0, 0.0)
    reads = tuple(replace(r, claims={"case-stay": unmet}) for r in found.reads)
    verdict = verdicts(replace(found, reads=reads))[0]
    assert not verdict.holds
    assert math.isnan(verdict.draws_where_met)


@pytest.mark.parametrize(("not_met", "holds"), [(2, True), (3, False)])
def test_draws_that_do_not_meet_the_condition_do_not_count_but_half_must(
    not_met: int, holds: bool
) -> None:
    found = made_up(-1.0, 0.0)
    wrong = {"case-stay": Judgment(1.0, 1.0, False, 0.0, 2.0)}
    reads = tuple(
        replace(r, claims=wrong) if r.series == "draws" and r.index < not_met else r
        for r in found.reads
    )
    verdict = verdicts(replace(found, reads=reads))[0]
    assert verdict.draws_where_met == 1.0
    assert verdict.holds is holds


def test_a_record_says_what_held_and_names_no_day() -> None:
    data = as_data(made_up(-1.0, 0.0))
    assert [row["id"] for row in data["claims"]] == ["case-stay"]
    assert data["claims"][0]["holds"] is True
    assert data["claims"][0]["n_seeds"] == data["claims"][0]["n_draws"] == 4
    text = as_text(data)
    assert "shorter stays" in text
    assert data["claims"][0]["code_version"][:7] in text


def test_the_committed_record_is_of_these_claims() -> None:
    text = Path(__file__).resolve().parents[1] / "experiments/records/emergence/record.md"
    for name in CLAIMS:
        assert f"`{name}`" in text.read_text(encoding="utf-8"), name


def test_a_study_cut_short_goes_on_where_it_stopped(tmp_path: Path) -> None:
    calm, other = (
        Job("seeds", 0, seed, 300, 300, {"myopia": 0.1}, ("case-stay",), ()) for seed in (7, 8)
    )
    found = Judgment(-0.1, 1.0, np.bool_(True), math.nan, 0.9)  # as numpy gives it
    read = Read("seeds", 0, 7, 1.5, {"case-stay": found}, {}, {"drg": {"deaths": 2.0}}, {})
    path = tmp_path / "not yet there" / "journal.jsonl"
    Journal(path).keep(calm, read)
    with path.open("a", encoding="utf-8") as out:
        out.write('{"key": "cut off')
    again = Journal(path)
    assert repr(again.find(calm)) == repr(read).replace("np.True_", "True")
    assert again.find(other) is None
