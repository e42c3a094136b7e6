"""What one more of everything brings a provider, differentiated out of its contract.

Knows contracts as functions and how a manager looks at a year not yet over; must not know any
payment model by name, nor how anyone responds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sim.activity import COMPONENTS, DIRECTIONS, MEASURES, SETTINGS, Activity, Array
from sim.payment import Outlook, PaymentModel, fan_of, gradient_through

__all__ = ["IncentiveTerms", "XrayRow", "expected_receipts", "marginal_receipts", "outlook", "xray"]


@dataclass(frozen=True)
class IncentiveTerms:
    """How a provider looks ahead.

    Parameters
    ----------
    error : float
        Standard deviation of a whole year's forecast, share of activity. It falls with the square
        root of what is left of the year.
    error_floor : float
        Least standard deviation, share of activity.
    weight_to_date : float
        Weight mu of the year so far where a budget or a cap is in force, 0-.9.
    discount : float
        Yearly discount factor.
    retention : float
        Chance that the same members and terms are still there next year.
    score_error : float
        Standard deviation with which a provider knows its scores of quality, share of the full
        mark, 0-.2.

    Notes
    -----
    With an unbiased forecast managers would save in January and spend in December. Those who watch
    the year so far squeeze at its end, which is what hospitals under budgets are seen to do.
    """

    error: float = 0.08
    error_floor: float = 0.01
    weight_to_date: float = 0.8
    discount: float = 0.95
    retention: float = 0.9
    score_error: float = 0.03

    def error_left(self, share_of_year_left: float) -> float:
        """Give the forecast's standard deviation with part of the year to go."""
        return max(self.error * float(np.sqrt(max(share_of_year_left, 0.0))), self.error_floor)


def outlook(
    projection: Activity,
    to_date: Activity | None = None,
    share_of_year_left: float = 1.0,
    terms: IncentiveTerms | None = None,
    *,
    jointly: bool = False,
) -> Outlook:
    """Give how providers see the end of the year.

    Parameters
    ----------
    projection : Activity
        Projected activity of the whole year.
    to_date : Activity, optional
        Activity since the year began.
    share_of_year_left : float
        Share of the year to come, 0-1.
    terms : IncentiveTerms, optional
        How they look ahead.
    jointly : bool
        Whether they look at what all of them receive.
    """
    terms = terms or IncentiveTerms()
    perceived = projection
    if to_date is not None and terms.weight_to_date > 0:
        # The year so far as it stands, not annualized: a budget looks far away in spring and near
        # in December, which is the squeeze at the year's end.
        mu = terms.weight_to_date
        perceived = projection.mixed(1.0 - mu, to_date, mu)
    error = np.full(projection.n_providers, terms.error_left(share_of_year_left))
    return Outlook(
        projection,
        perceived,
        error,
        terms.discount * terms.retention,
        terms.score_error,
        jointly,
    )


def marginal_receipts(
    contract: PaymentModel,
    projection: Activity,
    to_date: Activity | None = None,
    share_of_year_left: float = 1.0,
    terms: IncentiveTerms | None = None,
    *,
    jointly: bool = False,
) -> Activity:
    """Give what one more unit of each field brings each provider this year and, discounted, later.

    Parameters
    ----------
    contract : PaymentModel
        The contract, neutral terms resolved.
    projection : Activity
        Projected activity of the whole year.
    to_date : Activity, optional
        Activity since the year began, seen by nodes with budgets and caps.
    share_of_year_left : float
        Share of the year to come, 0-1.
    terms : IncentiveTerms, optional
        Forecast error, weight of the year so far, discounting.
    jointly : bool
        What it brings all providers under the contract together, not its own provider alone.

    Returns
    -------
    Activity
        Marginal gross receipts, CNY per unit of each field, in the shape of the projection.

    Notes
    -----
    The chain rule over the contract tree. A node that bends has slope
    ``E[R(mu + sigma z) z] / sigma`` on 64 equal-probability nodes; one forecast error per provider
    moves its activity, not its members or denominators.

    Examples
    --------
    A model needs no more than a revenue and the fields it reads:

    >>> class Visits:
    ...     reads = frozenset({"visits"})
    ...     def revenue(self, activity):
    ...         return 50.0 * activity.visits.sum(axis=1)
    >>> year = Activity.zeros(1, groups=1)
    >>> year = year.with_fields(visits=np.full((1, 3), 100.0))
    >>> marginal_receipts(Visits(), year).visits.round(6).tolist()
    [[50.0, 50.0, 50.0]]
    """
    seen = outlook(projection, to_date, share_of_year_left, terms, jointly=jointly)
    return projection.filled(gradient_through(contract, seen, seen.at_root))


def expected_receipts(contract: PaymentModel, seen: Outlook) -> Array:
    """Give expected receipts over the forecast, CNY per year, shape (n,)."""
    return np.asarray(fan_of(contract, seen).mean(axis=1))


@dataclass(frozen=True)
class XrayRow:
    """What one more of one thing brings one provider.

    Parameters
    ----------
    provider : int
        Row of the provider.
    id : str
        What there is one more of.
    unit : str
        Unit of the one.
    label_en, label_zh : str
        Labels for readers.
    amount : float
        Marginal gross receipts, CNY.
    """

    provider: int
    id: str
    unit: str
    label_en: str
    label_zh: str
    amount: float


_SETTINGS_ZH = ("基层门诊", "医院门诊", "住院")
_COMPONENTS_ZH = ("药品", "检查检验", "手术耗材", "医疗服务")
_MEASURES_ZH = ("慢病控制", "随访", "无再入院", "适宜诊疗", "存活出院")
_DIRECTIONS_ZH = ("上转", "下转")


def xray(
    contract: PaymentModel, projection: Activity, terms: IncentiveTerms | None = None
) -> list[XrayRow]:
    """Give what one more of each activity brings each provider, before anything is run.

    Parameters
    ----------
    contract : PaymentModel
        The contract, neutral terms resolved.
    projection : Activity
        Expected activity of the year.
    terms : IncentiveTerms, optional
        How providers look ahead.

    Returns
    -------
    list of XrayRow
        One row per provider and kind of one more. Stays and days are means over the provider's own
        mix of groups; a higher level is the mean step of its stays that have one.
    """
    m = marginal_receipts(contract, projection, terms=terms)
    return [
        XrayRow(j, id_, unit, en, zh, float(amounts[j]))
        for id_, unit, en, zh, amounts in _kinds(m, projection)
        for j in range(projection.n_providers)
    ]


def _kinds(m: Activity, year: Activity) -> Iterator[tuple[str, str, str, str, Array]]:
    for s, setting in enumerate(SETTINGS):
        words, zh = setting.replace("_", " "), _SETTINGS_ZH[s]
        yield f"visit_{setting}", "visit", f"visit, {words}", f"{zh}就诊", m.visits[:, s]
        for c, component in enumerate(COMPONENTS):
            yield (
                f"{component}_{setting}",
                "unit",
                f"{component}, {words}",
                f"{zh}{_COMPONENTS_ZH[c]}",
                m.units[:, s, c],
            )
    yield "stay", "stay", "admission", "住院人次", _mean(m.admissions, year.admissions)
    step = m.admissions[:, :, 1:] - m.admissions[:, :, :-1]
    yield (
        "level",
        "stay",
        "one level higher",
        "编码升一级",
        _mean(step, year.admissions[:, :, :-1]),
    )
    yield "bed_day", "day", "bed-day", "住院床日", _mean(m.bed_days, year.bed_days)
    if year.observations.any():
        yield "observation", "case", "case under observation", "留院观察一例", m.observations
    if year.sessions.any():
        yield "session", "session", "session worked", "出诊单元", m.sessions
    yield (
        "member",
        "person-year",
        "member for a year",
        "参保人年",
        12.0 * (m.member_months + m.risk_months + m.diagnosis_months),
    )
    yield (
        "spent_elsewhere",
        "CNY",
        "unit of money spent on members elsewhere",
        "外流费用",
        m.spent_elsewhere,
    )
    yield "resource_cost", "CNY", "unit of money of resource cost", "资源成本", m.resource_cost
    for k, measure in enumerate(_first(MEASURES, m.quality_num.shape[1])):
        yield (
            measure,
            "point",
            f"success in {measure.replace('_', ' ')}",
            _MEASURES_ZH[k],
            m.quality_num[:, k],
        )
    yield ("experience", "point", "hundredth of experience", "体验提高0.01", 0.01 * m.experience)
    for d, direction in enumerate(DIRECTIONS):
        yield (
            f"referral_{direction}",
            "referral",
            f"referral {direction}",
            _DIRECTIONS_ZH[d],
            m.referrals[:, d],
        )


def _first(names: Sequence[str], n: int) -> Sequence[str]:
    return names[:n]


def _mean(amount: Array, weight: Array) -> Array:
    """Give the mean over all axes after the provider, by the provider's own mix, else plain."""
    axes = tuple(range(1, amount.ndim))
    amount, weight = np.broadcast_arrays(amount, weight)
    whole = weight.sum(axis=axes)
    with np.errstate(divide="ignore", invalid="ignore"):
        mixed = (amount * weight).sum(axis=axes) / whole
    return np.asarray(np.where(whole > 0, mixed, amount.mean(axis=axes)))
