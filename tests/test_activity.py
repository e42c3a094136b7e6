"""A year of activity adds, scales, stretches and is cut to a scope."""

from __future__ import annotations

import numpy as np
import pytest

from sim.activity import COMPONENTS, SETTINGS, Activity, Scope
from sim.errors import PaymentError
from sim.testing import sample_year


def test_every_field_has_unit_and_labels_in_both_languages() -> None:
    for info in Activity.fields().values():
        assert all((info.unit, info.label_en, info.label_zh)), info
        assert info.label_en != info.label_zh


def test_twelve_equal_months_make_the_year() -> None:
    month = sample_year().scaled(1 / 12)
    year = month
    for _ in range(11):
        year = year + month
    for name in Activity.fields():
        np.testing.assert_allclose(getattr(year, name), getattr(sample_year(), name), rtol=1e-12)


def test_a_factor_per_provider_scales_its_own_row_only() -> None:
    year = sample_year()
    factor = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    np.testing.assert_allclose(year.scaled(factor).units[2], 3.0 * year.units[2])
    np.testing.assert_allclose(year.scaled(factor).sessions, factor * year.sessions)


def test_a_forecast_error_moves_care_but_not_members_denominators_or_scores() -> None:
    year = sample_year()
    larger = year.stretched(0.1)
    np.testing.assert_allclose(larger.admissions, 1.1 * year.admissions)
    for name in (
        "member_months",
        "risk_months",
        "diagnosis_months",
        "quality_num",
        "quality_den",
        "experience",
    ):
        assert np.array_equal(getattr(larger, name), getattr(year, name))


def test_scopes_that_share_out_care_add_up_to_all_of_it() -> None:
    year = sample_year()
    drugs = Scope.of(components=["drugs"])
    inpatient = Scope.of(settings=["inpatient"]).without(drugs)
    rest = Scope.everything().without(drugs.joined(inpatient))
    parts = [year.masked(s) for s in (drugs, inpatient, rest)]
    for name in ("visits", "units", "admissions", "bed_days", "patient_covered", "charges_side"):
        np.testing.assert_allclose(sum(getattr(p, name) for p in parts), getattr(year, name))
    assert not parts[0].admissions.any()
    assert not parts[1].units[:, 2, COMPONENTS.index("drugs")].any()
    assert parts[1].admissions.all()
    assert not parts[2].visits[:, SETTINGS.index("inpatient")].any()


def test_members_have_no_setting_and_pass_every_scope() -> None:
    year = sample_year().masked(Scope.of(settings=["primary"]))
    assert np.array_equal(year.member_months, sample_year().member_months)


def test_arrays_of_the_wrong_shape_are_refused_by_name() -> None:
    year = sample_year()
    arrays = {name: getattr(year, name) for name in Activity.fields()}
    with pytest.raises(PaymentError, match=r"activity\.visits|activity\.units"):
        Activity(**{**arrays, "units": arrays["visits"]})
