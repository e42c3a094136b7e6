"""What the patient pays: cost sharing by scheme, tier and referral, in exact integers.

Knows the rules of a benefit package and one person's position in the year; must not know how
providers are paid, who decides, or which engine runs (scalar functions are plain Python over
integer fen, written so that the engine may compile each of them as it stands).

A scenario or region file gives one block a payer. Every number may be plain or a mapping with
``value`` and, if wanted, ``unit``, ``low``, ``high``, ``source``, ``evidence``, ``note``. A field
by tier may name some tiers only in an overlay; a region file names all. ``none`` is a payer that
covers nothing. A field written beside the payers, not under one, overrides it for every payer
that covers something (``benefits: {deductible: {tertiary: 1500}}``). Status quo of the county
(base year 2022; rows of the data pack in brackets, the rest assumed and marked)::

    benefits:
      resident-scheme:
        outpatient_rate: {primary: 0.55, secondary: 0.3, tertiary: 0.0}   # ins0150-0152
        outpatient_deductible: 0                                          # ins0154, CNY/year
        outpatient_cap: 250                                               # ins0153, CNY/year
        listed_rate: {primary: 0.65, secondary: 0.65, tertiary: 0.65}     # ins0157
        extra_cap: {two_diseases: 300, listed: 3000}                      # ins0156; listed assumed
        listed_share:                                                     # assumed
          {hypertension: 0.1, diabetes: 0.15, copd: 0.2, ischaemic_heart_disease: 1,
           stroke_survivor: 1, ckd: 0.1, cancer: 1, mental_disorder: 0.15}
        deductible: {primary: 150, secondary: 400, tertiary: 900}         # ins0110 0112 0114
        rate: {primary: 0.87, secondary: 0.775, tertiary: 0.68}           # ins0111 0113 0115
        further_stays: 0.5                                                # ins0110 note
        referral_credit: 1.0                                              # ins0127
        unreferred_penalty: {primary: 0.0, secondary: 0.0, tertiary: 0.15}  # ins0126
        contract_bonus: 0.05                                              # ins0172
        annual_cap: 150000                                                # ins0128
        serious_illness: {threshold: 13000, rate: 0.6, cap: 300000}       # ins0129-0131
        serious_illness_poor: {threshold: 6500, rate: 0.65, cap: none}    # ins0129-0131 notes
        assistance_rate: 0.7                                              # ins0133
      employee-scheme:
        outpatient_rate: {primary: 0.65, secondary: 0.6, tertiary: 0.5}   # ins0158-0160
        outpatient_deductible: 300                                        # ins0161
        outpatient_cap: 2500                                              # ins0162
        listed_rate: {primary: 0.8, secondary: 0.8, tertiary: 0.75}       # assumed
        extra_cap: {two_diseases: 0, listed: 5000}                        # assumed
        listed_share:                                                     # assumed
          {hypertension: 0.1, diabetes: 0.15, copd: 0.2, ischaemic_heart_disease: 1,
           stroke_survivor: 1, ckd: 0.1, cancer: 1, mental_disorder: 0.15}
        retired_bonus: {outpatient: 0.05, inpatient: 0.03}                # ins0158 0119-0123
        deductible: {primary: 200, secondary: 500, tertiary: 900}         # ins0118 0120 0122
        rate: {primary: 0.92, secondary: 0.9, tertiary: 0.87}             # ins0119 0121 0123
        further_stays: 0.5
        referral_credit: 1.0
        unreferred_penalty: {primary: 0.0, secondary: 0.0, tertiary: 0.15}
        contract_bonus: 0.05
        annual_cap: 350000                                                # ins0132
        serious_illness: {threshold: none, rate: 0.0, cap: none}          # inside annual_cap
        serious_illness_poor: {threshold: none, rate: 0.0, cap: none}
        assistance_rate: 0.7
      self-pay: none

Meaning of the fields: rates are shares of covered charges; ``outpatient_cap`` limits what the fund
pays for a person's outpatient care in a year and ``extra_cap`` is added to it for people with one
of the two diseases (hypertension, diabetes) or a listed special disease, whose visits are paid at
``listed_rate`` if that is higher; ``listed_share`` is the share of a condition's cases, the
frailest, whose stage the list accepts (left out: all of heart disease, stroke and cancer, none of
the others); ``retired_bonus`` raises positive rates from the age of retirement; ``deductible`` is
per stay, times ``further_stays`` from the second stay of the year, less ``referral_credit`` of the
deductible of the stay that sent the patient (so up pays the difference, down pays nothing);
``unreferred_penalty`` lowers the rate of outpatient and inpatient care without referral or filing;
``contract_bonus`` raises a positive outpatient rate at the contracted practice and on its referral;
``annual_cap`` limits what the basic fund pays for a person in a year; ``serious_illness`` pays
``rate`` of the own share of covered inpatient charges above ``threshold`` up to ``cap``;
``assistance_rate`` is the share of what then remains that medical assistance pays for the poor.
Sessions for life (dialysis) are outpatient care paid as inpatient care: the rate of a stay, no
deductible, and within the annual cap, serious-illness cover and assistance. Two
fields may be left out and then are none: ``annual_deductible`` comes first in a person's year,
whatever the care, and ``out_of_pocket_maximum`` ends what a person pays for covered care in a
year. Amounts are in the region's currency.

A third block may be left out and then there is none: ``account``, an individual medical account
that every member of working age or retired has, filled every month and carried forward::

        account:
          base_of_income: 1.7       # wage base over the person's disposable income, kept within
          base_low: 45000           # the least and the largest base, CNY/year
          base_high: 225000
          contribution: 0.09        # of the base, own and employer's part together
          under_35: 0.028           # credited of the base to members of working age below 35,
          under_45: 0.034           # below 45
          from_45: 0.042            # and from 45 on
          retired: 1500             # credited to a retired member, CNY/year
          pharmacy: 530             # drawn for drugs bought without a visit, CNY/year

The account pays the patient's share of covered outpatient charges as long as it lasts, before cash.
With accounts the premiums are the contributions of members of working age: the retired pay none and
are credited from what the others paid in.

A fourth block may be left out: ``options``, packages that a member may choose in place of the usual
one, once a year. Each states what differs from the usual package, what the member pays for it
besides the usual contribution, and whether it takes a family-doctor contract::

        options:
          higher-tier:
            premium: 375                # CNY/year
            rate: {secondary: 0.825, tertiary: 0.73}
          with-contract:
            premium: 0
            needs_contract: true
            outpatient_rate: {primary: 0.7}

All members of a scheme share its account and its list of special diseases.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.errors import ScenarioError
from sim.units import convert, to_minor

__all__ = [
    "ACCOUNT_PARTS",
    "COUNTY_2022",
    "LISTED",
    "NO_LIMIT_FEN",
    "ORDINARY",
    "REFERRED",
    "RETIRED",
    "TIERS",
    "TRANSFERRED_FROM",
    "TWO_DISEASES",
    "UNREFERRED",
    "BenefitTable",
    "Benefits",
    "CoverOption",
    "deductible_left",
    "entitlement",
    "expected_coinsurance",
    "inpatient_patient_share",
    "inpatient_split",
    "is_retired",
    "outpatient_patient_share",
    "paid_out_after",
    "within_maximum",
]

TIERS = ("primary", "secondary", "tertiary")
"""Names of the tiers, in the order of provider kinds (practice, secondary, tertiary hospital)."""

UNREFERRED, REFERRED, TRANSFERRED_FROM = 0, 1, 2
"""Referral codes: none; referred or filed; ``TRANSFERRED_FROM + k`` sent on from tier k."""

ORDINARY, TWO_DISEASES, LISTED = 0, 1, 2
"""Outpatient entitlement: none; hypertension or diabetes; a listed special disease."""

RETIRED = 3
"""Added to the entitlement from the age of retirement."""

NO_LIMIT_FEN = 9_000_000_000_000_000
"""Stands for "no cap" or "threshold never reached": above any person's lifetime spending."""

_MILLION = 1_000_000

_TWO_DISEASES = ("hypertension", "diabetes")
_LISTED = ("ischaemic_heart_disease", "stroke_survivor", "cancer")
_CONDITIONS = (
    "hypertension",
    "diabetes",
    "copd",
    "ischaemic_heart_disease",
    "stroke_survivor",
    "ckd",
    "cancer",
    "mental_disorder",
)
_MASK_TWO_DISEASES = sum(1 << _CONDITIONS.index(name) for name in _TWO_DISEASES)
_RETIRE_MEN, _RETIRE_WOMEN = 60 * 12, 55 * 12  # months of age

COUNTY_2022: Mapping[str, object] = {
    "resident-scheme": {
        "outpatient_rate": {"primary": 0.55, "secondary": 0.3, "tertiary": 0.0},
        "outpatient_deductible": 0,
        "outpatient_cap": 250,
        "listed_rate": {"primary": 0.65, "secondary": 0.65, "tertiary": 0.65},
        "extra_cap": {"two_diseases": 300, "listed": 3000},
        "listed_share": {
            "hypertension": 0.1,
            "diabetes": 0.15,
            "copd": 0.2,
            "ischaemic_heart_disease": 1,
            "stroke_survivor": 1,
            "ckd": 0.1,
            "cancer": 1,
            "mental_disorder": 0.15,
        },
        "deductible": {"primary": 150, "secondary": 400, "tertiary": 900},
        "rate": {"primary": 0.87, "secondary": 0.775, "tertiary": 0.68},
        "further_stays": 0.5,
        "referral_credit": 1.0,
        "unreferred_penalty": {"primary": 0.0, "secondary": 0.0, "tertiary": 0.15},
        "contract_bonus": 0.05,
        "annual_cap": 150000,
        "serious_illness": {"threshold": 13000, "rate": 0.6, "cap": 300000},
        "serious_illness_poor": {"threshold": 6500, "rate": 0.65, "cap": "none"},
        "assistance_rate": 0.7,
    },
    "employee-scheme": {
        "outpatient_rate": {"primary": 0.65, "secondary": 0.6, "tertiary": 0.5},
        "outpatient_deductible": 300,
        "outpatient_cap": 2500,
        "listed_rate": {"primary": 0.8, "secondary": 0.8, "tertiary": 0.75},
        "extra_cap": {"two_diseases": 0, "listed": 5000},
        "listed_share": {
            "hypertension": 0.1,
            "diabetes": 0.15,
            "copd": 0.2,
            "ischaemic_heart_disease": 1,
            "stroke_survivor": 1,
            "ckd": 0.1,
            "cancer": 1,
            "mental_disorder": 0.15,
        },
        "retired_bonus": {"outpatient": 0.05, "inpatient": 0.03},
        "deductible": {"primary": 200, "secondary": 500, "tertiary": 900},
        "rate": {"primary": 0.92, "secondary": 0.9, "tertiary": 0.87},
        "further_stays": 0.5,
        "referral_credit": 1.0,
        "unreferred_penalty": {"primary": 0.0, "secondary": 0.0, "tertiary": 0.15},
        "contract_bonus": 0.05,
        "annual_cap": 350000,
        "serious_illness": {"threshold": "none", "rate": 0.0, "cap": "none"},
        "serious_illness_poor": {"threshold": "none", "rate": 0.0, "cap": "none"},
        "assistance_rate": 0.7,
    },
    "self-pay": "none",
}
"""The county's status quo, the block of the module docstring: the data pack's rows of 2022."""

ACCOUNT_PARTS = (
    "base_of_income",
    "base_low",
    "base_high",
    "contribution",
    "under_35",
    "under_45",
    "from_45",
    "retired",
    "pharmacy",
)
"""What a block of individual accounts states, in the order of ``Benefits.account``."""

_LARGEST_RATIO = 10.0  # wage base over income

_BY_TIER = ("outpatient_rate", "listed_rate", "deductible", "rate", "unreferred_penalty")
_PARTS: Mapping[str, tuple[str, ...]] = {
    "account": ACCOUNT_PARTS,
    "extra_cap": ("two_diseases", "listed"),
    "listed_share": _CONDITIONS,
    "retired_bonus": ("outpatient", "inpatient"),
    "serious_illness": ("threshold", "rate", "cap"),
    "serious_illness_poor": ("threshold", "rate", "cap"),
}
_SINGLE = (
    "outpatient_deductible",
    "outpatient_cap",
    "further_stays",
    "referral_credit",
    "contract_bonus",
    "annual_cap",
    "assistance_rate",
)
_ABSENT: Mapping[str, float] = {"annual_deductible": 0.0, "out_of_pocket_maximum": math.inf}
"""Fields a block may leave out, and what they then are."""
_FIELDS = (*_BY_TIER, *_PARTS, *_SINGLE, *_ABSENT)
_MONEY = {
    "outpatient_deductible",
    "outpatient_cap",
    "extra_cap",
    "deductible",
    "annual_cap",
    "annual_deductible",
    "out_of_pocket_maximum",
    "threshold",
    "cap",
    "base_low",
    "base_high",
    "retired",
    "pharmacy",
    "premium",
}
_SHARED = ("account", "listed_share")
"""Fields that hold for all members of a scheme, whichever option they chose."""
_OF_OPTION = ("premium", "needs_contract")
_MOST_OPTIONS = 8  # a scheme
_CAN_BE_NONE = ("outpatient_cap", "annual_cap", "out_of_pocket_maximum", "threshold", "cap")


class BenefitTable(NamedTuple):
    """A benefit package as integers for scalar functions: money in fen, shares in millionths.

    Axes are package (R: the usual ones in the order of the region's payers, then the options that
    members may choose), tier (T, the order of provider kinds) and, where stated, entitlement (6:
    ordinary, two diseases, listed; then the same from the age of retirement) or poverty (2: not
    poor, poor). All arrays are int64. Rules call the row ``payer``, whose usual package it is where
    nothing else was chosen.

    Attributes
    ----------
    outpatient_rate : array, shape (R, T, 6)
        Share of covered outpatient charges the fund pays, by entitlement, millionths.
    outpatient_deductible : array, shape (R,)
        Covered outpatient charges a person pays first each year, fen.
    outpatient_cap : array, shape (R, 6)
        Most the fund pays for a person's outpatient care in a year, by entitlement, fen.
    contract_bonus : array, shape (R,)
        Added to a positive outpatient rate under a family-doctor contract, millionths.
    unreferred_penalty : array, shape (R, T)
        Taken off the rate without referral or filing, millionths.
    deductible : array, shape (R, T)
        Deductible of a stay, fen.
    rate : array, shape (R, T)
        Share of covered inpatient charges above the deductible the fund pays, millionths.
    further_stays : array, shape (R,)
        Deductible of the second and later stays of a year over that of the first, millionths.
    referral_credit : array, shape (R,)
        Share of the sending stay's deductible that counts at the receiving hospital, millionths.
    annual_cap : array, shape (R,)
        Most the basic fund pays for a person in a year, fen.
    serious_threshold, serious_rate, serious_cap : array, shape (R, 2)
        Own covered inpatient spending above which serious-illness cover pays, fen; its share,
        millionths; and its limit in a year, fen.
    assistance_rate : array, shape (R, 2)
        Share of the remaining own covered inpatient spending paid by assistance, millionths.
    retired_bonus : array, shape (R,)
        Added to a positive inpatient rate from the age of retirement, millionths.
    annual_deductible, out_of_pocket_maximum : array, shape (R,)
        Own payments of a year before the fund pays, and after which it pays all, minor units.
    """

    outpatient_rate: NDArray[np.int64]
    outpatient_deductible: NDArray[np.int64]
    outpatient_cap: NDArray[np.int64]
    contract_bonus: NDArray[np.int64]
    unreferred_penalty: NDArray[np.int64]
    deductible: NDArray[np.int64]
    rate: NDArray[np.int64]
    further_stays: NDArray[np.int64]
    referral_credit: NDArray[np.int64]
    annual_cap: NDArray[np.int64]
    serious_threshold: NDArray[np.int64]
    serious_rate: NDArray[np.int64]
    serious_cap: NDArray[np.int64]
    assistance_rate: NDArray[np.int64]
    retired_bonus: NDArray[np.int64]
    annual_deductible: NDArray[np.int64]
    out_of_pocket_maximum: NDArray[np.int64]


@dataclass(frozen=True)
class CoverOption:
    """A package that members of a scheme may choose in place of the usual one.

    Attributes
    ----------
    name : str
    payer : int
        The scheme's row among the region's payers.
    premium : float
        What the member pays for it besides the usual contribution, currency per year.
    needs_contract : bool
        Whether only people with a family-doctor contract may have it.
    """

    name: str
    payer: int
    premium: float
    needs_contract: bool


@dataclass(frozen=True)
class Benefits:
    """A region's benefit packages in the units of the law: CNY, CNY per year and shares.

    Attributes
    ----------
    payers, tiers : tuple of str
        Names behind the two axes; Y payers and T tiers.
    covers : array of bool, shape (Y,)
        Whether the payer covers anything; where not, the patient pays all.
    outpatient_rate, listed_rate : array, shape (Y, T)
        Share of covered outpatient charges the fund pays, ordinary and for listed diseases.
    outpatient_deductible, outpatient_cap : array, shape (Y,)
        CNY per person and year; the cap is on the fund's payments, infinity is none.
    extra_cap : array, shape (Y, 2)
        Added to the cap for the two diseases and for listed diseases, CNY per person and year.
    deductible : array, shape (Y, T)
        CNY per stay.
    rate : array, shape (Y, T)
        Share of covered inpatient charges above the deductible the fund pays.
    further_stays, referral_credit, contract_bonus : array, shape (Y,)
        Shares, as in the module docstring.
    unreferred_penalty : array, shape (Y, T)
        Taken off both rates without referral or filing, share.
    annual_cap : array, shape (Y,)
        CNY per person and year of the basic fund's payments, infinity is none.
    serious_threshold, serious_rate, serious_cap : array, shape (Y, 2)
        CNY, share, CNY per person and year; second axis not poor, poor.
    assistance_rate : array, shape (Y,)
        Share of remaining own covered inpatient spending paid for the poor.
    listed_share : array, shape (Y, 8)
        Share of each condition's cases that the list of special diseases accepts.
    retired_bonus : array, shape (Y, 2)
        Added to positive outpatient and inpatient rates from the age of retirement, share.
    annual_deductible, out_of_pocket_maximum : array, shape (Y,)
        Own payments of a year before the fund pays, and after which it pays all; infinity is none.
    account : array, shape (Y, 9)
        Individual accounts, columns as in ``ACCOUNT_PARTS``; not a number where there are none.
    options : tuple of CoverOption
        Packages that members may choose, in the order of the table's rows after the payers'.
    chosen : Benefits or None
        Those packages, one for each option; None where there is none to choose.

    Notes
    -----
    Left out: accounts that pay for stays or for the family, assistance for outpatient care other
    than sessions for life, caps by single disease, and the rule that emergencies need no referral
    (a caller files them).
    """

    payers: tuple[str, ...]
    tiers: tuple[str, ...]
    covers: NDArray[np.bool_]
    outpatient_rate: NDArray[np.float64]
    listed_rate: NDArray[np.float64]
    outpatient_deductible: NDArray[np.float64]
    outpatient_cap: NDArray[np.float64]
    extra_cap: NDArray[np.float64]
    deductible: NDArray[np.float64]
    rate: NDArray[np.float64]
    further_stays: NDArray[np.float64]
    referral_credit: NDArray[np.float64]
    unreferred_penalty: NDArray[np.float64]
    contract_bonus: NDArray[np.float64]
    annual_cap: NDArray[np.float64]
    serious_threshold: NDArray[np.float64]
    serious_rate: NDArray[np.float64]
    serious_cap: NDArray[np.float64]
    assistance_rate: NDArray[np.float64]
    listed_share: NDArray[np.float64]
    retired_bonus: NDArray[np.float64]
    annual_deductible: NDArray[np.float64]
    out_of_pocket_maximum: NDArray[np.float64]
    account: NDArray[np.float64]
    options: tuple[CoverOption, ...] = ()
    chosen: Benefits | None = None

    @cached_property
    def payer_of(self) -> NDArray[np.int64]:
        """Give the payer of every row of the table, usual packages first."""
        of_options = [option.payer for option in self.options]
        return np.array([*range(len(self.payers)), *of_options], dtype=np.int64)

    @cached_property
    def has_account(self) -> NDArray[np.bool_]:
        """Mark payers whose members have individual accounts, shape (Y,)."""
        return np.asarray(~np.isnan(self.account[:, 0]))

    @classmethod
    def from_spec(
        cls,
        spec: Mapping[str, object],
        payers: Sequence[str],
        tiers: Sequence[str] = TIERS,
        where: str = "benefits",
    ) -> Benefits:
        """Read benefit packages from a scenario's block; see the module docstring for its form.

        Parameters
        ----------
        spec : mapping
            Payer to block, and fields for all payers beside them.
        payers : sequence of str
            The region's payers, in its order; each needs a block or ``none``.
        tiers : sequence of str
            Names of the tiers, in the order of provider kinds.
        where : str
            Field path for messages.

        Raises
        ------
        ScenarioError
            Naming the field: unknown or missing names, shares outside 0 to 1, negative money.
        """
        names, kinds = tuple(payers), tuple(tiers)
        for key in spec:
            _known(key, (*names, *_FIELDS), where)
        for_all = {key: value for key, value in spec.items() if key in _FIELDS}
        rows: list[dict[str, object]] = []
        covers: list[bool] = []
        options: list[CoverOption] = []
        packages: list[dict[str, object]] = []
        for payer, name in enumerate(names):
            if name not in spec:
                raise ScenarioError(
                    "the payer has no benefits",
                    where=f"{where}.{name}",
                    allowed="a block of fields, or none",
                    remedy=f"Write `{name}: none` if it covers nothing.",
                )
            block = spec[name]
            path = f"{where}.{name}"
            if block is None or block == "none":
                rows.append({})
                covers.append(False)
                continue
            row = {**_ABSENT, **_mapping(block, path)}
            offered = row.pop("options", {})
            for key in row:
                _known(key, (*_FIELDS, "options"), path)
            row = _overlaid(row, for_all)
            rows.append(row)
            covers.append(True)
            for option, package in _options_of(payer, row, offered, f"{path}.options"):
                options.append(option)
                packages.append(package)
        usual = cls._of_rows(names, kinds, rows, covers, where)
        if not options:
            return usual
        labels = tuple(f"{names[o.payer]}.options.{o.name}" for o in options)
        chosen = cls._of_rows(labels, kinds, packages, [True] * len(options), where)
        return replace(usual, options=tuple(options), chosen=chosen)

    @classmethod
    def _of_rows(
        cls,
        names: tuple[str, ...],
        kinds: tuple[str, ...],
        rows: Sequence[dict[str, object]],
        covers: Sequence[bool],
        where: str,
    ) -> Benefits:
        """Read packages, one row each, whose names say where in the file each stands."""

        def single(field: str, absent: float) -> NDArray[np.float64]:
            return np.array(
                [
                    _number(_field(row, field, f"{where}.{name}"), field, f"{where}.{name}.{field}")
                    if here
                    else absent
                    for name, row, here in zip(names, rows, covers, strict=True)
                ]
            )

        def parts(field: str, inner: Sequence[str], absent: float = 0.0) -> NDArray[np.float64]:
            values = []
            for name, row, here in zip(names, rows, covers, strict=True):
                path = f"{where}.{name}.{field}"
                if not here:
                    values.append([absent] * len(inner))
                    continue
                block = _mapping(_field(row, field, f"{where}.{name}"), path)
                for key in block:
                    _known(key, inner, path)
                values.append(
                    [
                        _number(
                            _field(block, key, path),
                            key if field in _PARTS and field != "extra_cap" else field,
                            f"{path}.{key}",
                        )
                        for key in inner
                    ]
                )
            return np.array(values, dtype=np.float64).reshape(len(names), len(inner))

        for row, here in zip(rows, covers, strict=True):
            if here:
                usual_list = {name: float(name in _LISTED) for name in _CONDITIONS}
                given = row.get("listed_share", {})
                row["listed_share"] = usual_list | dict(_mapping(given, f"{where}.listed_share"))
                row.setdefault("retired_bonus", dict.fromkeys(_PARTS["retired_bonus"], 0.0))
        with_account = np.array([row.get("account", "none") != "none" for row in rows])
        for row, has_account in zip(rows, with_account, strict=True):
            if not has_account:
                row["account"] = dict.fromkeys(ACCOUNT_PARTS, 0.0)
        usual = parts("serious_illness", _PARTS["serious_illness"])
        poor = parts("serious_illness_poor", _PARTS["serious_illness_poor"])
        serious = np.stack([usual, poor], axis=1)
        return cls(
            payers=names,
            tiers=kinds,
            covers=np.array(covers, dtype=np.bool_),
            outpatient_rate=parts("outpatient_rate", kinds),
            listed_rate=parts("listed_rate", kinds),
            outpatient_deductible=single("outpatient_deductible", 0.0),
            outpatient_cap=single("outpatient_cap", 0.0),
            extra_cap=parts("extra_cap", _PARTS["extra_cap"]),
            deductible=parts("deductible", kinds),
            rate=parts("rate", kinds),
            further_stays=single("further_stays", 1.0),
            referral_credit=single("referral_credit", 0.0),
            unreferred_penalty=parts("unreferred_penalty", kinds),
            contract_bonus=single("contract_bonus", 0.0),
            annual_cap=single("annual_cap", 0.0),
            serious_threshold=serious[:, :, 0].copy(),
            serious_rate=serious[:, :, 1].copy(),
            serious_cap=serious[:, :, 2].copy(),
            assistance_rate=single("assistance_rate", 0.0),
            listed_share=parts("listed_share", _CONDITIONS),
            retired_bonus=parts("retired_bonus", _PARTS["retired_bonus"]),
            annual_deductible=single("annual_deductible", 0.0),
            out_of_pocket_maximum=single("out_of_pocket_maximum", math.inf),
            account=np.where(with_account[:, None], parts("account", ACCOUNT_PARTS), math.nan),
        )

    def table(self) -> BenefitTable:
        """Give the packages as integers (fen, millionths), those of the options last."""
        usual = self._table()
        if self.chosen is None:
            return usual
        pairs = zip(usual, self.chosen._table(), strict=True)
        return BenefitTable(*(np.concatenate(pair) for pair in pairs))

    def _table(self) -> BenefitTable:
        """Give these packages alone as integers."""
        ordinary = _millionths(self.outpatient_rate)
        listed = np.maximum(ordinary, _millionths(self.listed_rate))
        cap = _fen(self.outpatient_cap)
        extra = _fen(self.extra_cap)
        caps = np.stack([cap, cap + extra[:, 0], cap + extra[:, 1]], axis=1)
        poor = _millionths(self.assistance_rate)
        rates = np.stack([ordinary, ordinary, listed], axis=2)
        bonus = _millionths(self.retired_bonus)
        retired = np.where(rates > 0, np.minimum(rates + bonus[:, :1, None], _MILLION), 0)
        return BenefitTable(
            outpatient_rate=np.ascontiguousarray(np.concatenate([rates, retired], axis=2)),
            outpatient_deductible=_fen(self.outpatient_deductible),
            outpatient_cap=np.ascontiguousarray(np.minimum(np.tile(caps, 2), NO_LIMIT_FEN)),
            contract_bonus=_millionths(self.contract_bonus),
            unreferred_penalty=_millionths(self.unreferred_penalty),
            deductible=_fen(self.deductible),
            rate=_millionths(self.rate),
            further_stays=_millionths(self.further_stays),
            referral_credit=_millionths(self.referral_credit),
            annual_cap=_fen(self.annual_cap),
            serious_threshold=_fen(self.serious_threshold),
            serious_rate=_millionths(self.serious_rate),
            serious_cap=_fen(self.serious_cap),
            assistance_rate=np.ascontiguousarray(np.stack([np.zeros_like(poor), poor], axis=1)),
            retired_bonus=np.ascontiguousarray(bonus[:, 1]),
            annual_deductible=_fen(self.annual_deductible),
            out_of_pocket_maximum=_fen(self.out_of_pocket_maximum),
        )


def is_retired(age_months: int, sex: int) -> int:
    """Tell (0 or 1) whether a person has reached the age of retirement, 60 for men, 55 for women.

    Only a scheme that treats the retired differently makes anything of it. Sex is 0 for men.
    """
    return 1 if age_months >= (_RETIRE_WOMEN if sex == 1 else _RETIRE_MEN) else 0


def entitlement(
    chronic: int, frailty: float, payer: int, retired: int, listed_from: NDArray[np.float64]
) -> int:
    """Tell which outpatient list a person's chronic conditions open: the longer list wins.

    Parameters
    ----------
    chronic : int
        Bit mask of chronic conditions, bit 0 hypertension, 1 diabetes, 2 COPD, 3 ischaemic heart
        disease, 4 stroke survivor, 5 CKD, 6 cancer, 7 mental disorder.
    frailty : float
        Log frailty, which stands for the stage: the frailest cases are the severe ones (assumed).
    payer, retired : int
        Row of the thresholds; 1 from the age of retirement.
    listed_from : array, shape (Y, C)
        Frailty from which a case's stage is on the payer's list of special diseases.

    Returns
    -------
    int
        ``LISTED`` with a listed stage, else ``TWO_DISEASES`` with hypertension or diabetes, else
        ``ORDINARY``; plus ``RETIRED`` from the age of retirement.
    """
    found = 1 if (chronic & _MASK_TWO_DISEASES) != 0 else 0
    for c in range(listed_from.shape[1]):
        if (chronic >> c) & 1 and frailty >= listed_from[payer, c]:
            found = 2
    return found + 3 * retired


def deductible_left(payer: int, own_year_fen: int, table: BenefitTable) -> int:
    """Give what a person still pays in full this year before the fund pays anything.

    Until the annual deductible is met a person pays every covered charge whole, so own payments of
    the year tell how much of it is left.

    Parameters
    ----------
    payer : int
        Row of the table.
    own_year_fen : int
        Own payments of the year so far, minor units.
    """
    return max(0, int(table.annual_deductible[payer]) - int(own_year_fen))


def within_maximum(own_fen: int, payer: int, own_year_fen: int, table: BenefitTable) -> int:
    """Give what of an own share a person owes before the year's out-of-pocket maximum is reached.

    Parameters
    ----------
    own_fen : int
        The share by every other rule, minor units.
    payer, own_year_fen : int
        As in ``deductible_left``.
    """
    room = max(0, int(table.out_of_pocket_maximum[payer]) - int(own_year_fen))
    return min(int(own_fen), room)


def outpatient_patient_share(
    covered_fen: int,
    payer: int,
    tier: int,
    has_contract: int,
    at_own_practice: int,
    is_referred: int,
    entitled: int,
    paid_out_year_fen: int,
    table: BenefitTable,
) -> int:
    """Give what the patient owes of a covered outpatient charge; the fund pays the rest.

    Parameters
    ----------
    covered_fen : int
        Covered charge of the visit, fen, 0 or more.
    payer, tier : int
        Rows of the table.
    has_contract, at_own_practice : int
        1 if the person has a family-doctor contract; if the visit is at the contracted practice.
    is_referred : int
        0 none, 1 or more referred or filed.
    entitled : int
        ``entitlement`` of the person.
    paid_out_year_fen : int
        Position in the year, fen: what the fund has paid for this person's outpatient care, or
        minus what counted towards the deductible while that is open. 0 at the year's start;
        ``paid_out_after`` gives the next.

    Returns
    -------
    int
        Fen, from 0 to `covered_fen`.

    Notes
    -----
    ``fund = min(rate x max(0, covered - deductible left), cap left)``, halves up. One number holds
    both positions because the fund pays nothing until the deductible is met.
    """
    rate = int(table.outpatient_rate[payer, tier, entitled])
    if rate > 0 and has_contract != 0 and (at_own_practice != 0 or is_referred != 0):
        rate += int(table.contract_bonus[payer])
    if is_referred == 0 and at_own_practice == 0:
        rate -= int(table.unreferred_penalty[payer, tier])
    rate = min(max(rate, 0), 1_000_000)
    room = int(table.outpatient_cap[payer, entitled])
    owed_first = 0
    if paid_out_year_fen > 0:
        room = max(0, room - int(paid_out_year_fen))
    else:
        owed_first = max(0, int(table.outpatient_deductible[payer]) + int(paid_out_year_fen))
    above = max(0, int(covered_fen) - owed_first)
    fund = (above * rate + 500_000) // 1_000_000
    return int(covered_fen) - min(fund, room)


def paid_out_after(
    covered_fen: int, patient_fen: int, payer: int, paid_out_year_fen: int, table: BenefitTable
) -> int:
    """Give a person's outpatient position in the year after a visit: deductible, then cap.

    Parameters
    ----------
    covered_fen, patient_fen : int
        Covered charge of the visit and the patient's share of it, fen.
    payer : int
        Row of the table.
    paid_out_year_fen : int
        Position before the visit, as in ``outpatient_patient_share``.

    Returns
    -------
    int
        Position after the visit, fen: above 0 fund payments of the year, else minus what counted
        towards the deductible.
    """
    fund = int(covered_fen) - int(patient_fen)
    if fund > 0:
        return fund + max(0, int(paid_out_year_fen))
    if paid_out_year_fen > 0:
        return int(paid_out_year_fen)
    return max(int(paid_out_year_fen) - int(covered_fen), -int(table.outpatient_deductible[payer]))


def inpatient_split(
    covered_fen: int,
    payer: int,
    tier: int,
    is_referred: int,
    stays_year: int,
    own_covered_year_fen: int,
    fund_year_fen: int,
    is_poor: int,
    table: BenefitTable,
    retired: int = 0,
    without_deductible: int = 0,
) -> tuple[int, int, int, int, int]:
    """Divide a covered inpatient charge among patient, basic fund, serious-illness cover and aid.

    Parameters
    ----------
    covered_fen : int
        Covered charge of the stay, fen, 0 or more.
    payer, tier : int
        Rows of the table.
    is_referred : int
        0 none; 1 referred or filed; ``2 + k`` sent on from a stay at tier k in the same episode.
    stays_year : int
        Stays of this year before this episode.
    own_covered_year_fen : int
        Own shares of covered inpatient charges so far this year *before* serious-illness cover and
        assistance, fen; add the last returned number after the stay.
    fund_year_fen : int
        All that funds and assistance have paid for the person so far this year, fen (spending less
        own payments; 0 applies the annual cap to the single stay).
    is_poor : int
        1 if entitled to medical assistance (the same all year).
    table : BenefitTable
        The packages.
    retired, without_deductible : int
        1 from the age of retirement; 1 for outpatient sessions paid as inpatient care.

    Returns
    -------
    tuple of int
        ``(patient, basic fund, serious illness, assistance, own)``, fen; the first four add to
        `covered_fen`, and `own` is covered less the basic fund.

    Notes
    -----
    ``basic = min(rate (covered - deductible), cap left)``. Serious-illness payments S and
    assistance A are functions of the year's own covered spending g alone, ``S(g) = min(cap,
    r max(0, g - threshold))`` and ``A(g) = s (g - S(g))``; a stay brings their increments, so the
    order and size of stays do not matter and no limit is passed by rounding.
    """
    share = 1_000_000
    if stays_year > 0:
        share = int(table.further_stays[payer])
    first = (int(table.deductible[payer, tier]) * share + 500_000) // 1_000_000
    if is_referred >= 2:
        credit = (int(table.deductible[payer, is_referred - 2]) * share + 500_000) // 1_000_000
        credit = (credit * int(table.referral_credit[payer]) + 500_000) // 1_000_000
        first = max(0, first - credit)
    if without_deductible != 0:
        first = 0
    rate = int(table.rate[payer, tier])
    if retired != 0 and rate > 0:
        rate = min(1_000_000, rate + int(table.retired_bonus[payer]))
    if is_referred == 0:
        rate = max(0, rate - int(table.unreferred_penalty[payer, tier]))
    covered = int(covered_fen)

    threshold = int(table.serious_threshold[payer, is_poor])
    serious_rate = int(table.serious_rate[payer, is_poor])
    serious_cap = int(table.serious_cap[payer, is_poor])
    aid_rate = int(table.assistance_rate[payer, is_poor])
    own_before = int(own_covered_year_fen)
    eligible = max(0, own_before - threshold)
    serious_before = min(serious_cap, (eligible * serious_rate + 500_000) // 1_000_000)
    aid_before = ((own_before - serious_before) * aid_rate + 500_000) // 1_000_000

    basic_before = max(0, int(fund_year_fen) - serious_before - aid_before)
    room = max(0, int(table.annual_cap[payer]) - basic_before)
    basic = min((max(0, covered - first) * rate + 500_000) // 1_000_000, room)
    own = covered - basic

    own_after = own_before + own
    eligible = max(0, own_after - threshold)
    serious_after = min(serious_cap, (eligible * serious_rate + 500_000) // 1_000_000)
    aid_after = ((own_after - serious_after) * aid_rate + 500_000) // 1_000_000
    serious = serious_after - serious_before
    aid = aid_after - aid_before
    return own - serious - aid, basic, serious, aid, own


def inpatient_patient_share(
    covered_fen: int,
    payer: int,
    tier: int,
    is_referred: int,
    stays_year: int,
    own_covered_year_fen: int,
    fund_year_fen: int,
    is_poor: int,
    table: BenefitTable,
) -> int:
    """Give what the patient owes of a covered inpatient charge after every fund and assistance.

    Arguments as in ``inpatient_split``, whose first number this is; compiled code calls that one.

    Returns
    -------
    int
        Fen, from 0 to `covered_fen`.
    """
    return inpatient_split(
        covered_fen,
        payer,
        tier,
        is_referred,
        stays_year,
        own_covered_year_fen,
        fund_year_fen,
        is_poor,
        table,
    )[0]


def expected_coinsurance(
    payer: int,
    tier: int,
    setting: int,
    has_contract: int,
    at_own_practice: int,
    is_referred: int,
    entitled: int,
    paid_out_year_fen: int,
    own_covered_year_fen: int,
    is_poor: int,
    expected_rest_fen: float,
    price_mix: float,
    table: BenefitTable,
    own_year_fen: int = 0,
) -> float:
    """Give the price of one more covered yuan that a patient acts on: today's and the year-end's.

    Parameters
    ----------
    payer, tier : int
        Rows of the table.
    setting : int
        0 primary outpatient, 1 hospital outpatient, 2 inpatient.
    has_contract, at_own_practice, is_referred, entitled, is_poor : int
        As in ``outpatient_patient_share`` and ``inpatient_split``.
    paid_out_year_fen, own_covered_year_fen : int
        Positions in the year, fen.
    expected_rest_fen : float
        Covered charges of this kind expected from now to the year's end, fen, 0 or more.
    price_mix : float
        Weight of the year-end price, 0 (spot price only) to 1.
    own_year_fen : int
        Own payments of the year so far, minor units; counts where there is an annual deductible or
        an out-of-pocket maximum.

    Returns
    -------
    float
        Share of one more covered yuan the patient pays, 0 to 1.

    Notes
    -----
    The year-end price is the expected marginal price under the year's final position: charges of
    the rest of the year X have the heavy tail ``P(X > x) = (m / (m + x))^2`` with mean m, chosen
    because it needs no exponential. Outpatient: the deductible D and the charge C that uses up the
    cap give ``1 - rate (P(X > D) - P(X > D + C))``, less ``(1 - rate) P(X > M)`` where the charge
    M reaches the out-of-pocket maximum; inpatient: past the serious-illness threshold
    the own share falls to ``1 - r``. The deductible of a stay is not a marginal price; callers
    price a stay with ``inpatient_split``.

    References
    ----------
    Keeler, Newhouse & Phelps (1977), Econometrica 45(3), doi:10.2307/1912679.
    """
    mean = max(0.0, float(expected_rest_fen))
    if setting == 2:
        rate = int(table.rate[payer, tier])
        if is_referred == 0:
            rate = max(0, rate - int(table.unreferred_penalty[payer, tier]))
        own = 1.0 - rate * 1e-6
        relief = int(table.serious_rate[payer, is_poor]) * 1e-6
        aid = 1.0 - int(table.assistance_rate[payer, is_poor]) * 1e-6
        left = float(max(0, int(table.serious_threshold[payer, is_poor]) - own_covered_year_fen))
        spot = own * aid
        year_end = spot
        if left <= 0.0:
            spot *= 1.0 - relief
            year_end = spot
        elif own > 0.0 and mean > 0.0:
            tail = mean / (mean + left / own)
            year_end = own * aid * (1.0 - relief * tail * tail)
        return spot + price_mix * (year_end - spot)

    rate = int(table.outpatient_rate[payer, tier, entitled])
    if rate > 0 and has_contract != 0 and (at_own_practice != 0 or is_referred != 0):
        rate += int(table.contract_bonus[payer])
    if is_referred == 0 and at_own_practice == 0:
        rate -= int(table.unreferred_penalty[payer, tier])
    rate = min(max(rate, 0), 1_000_000)
    room = int(table.outpatient_cap[payer, entitled])
    owed_first = 0
    if paid_out_year_fen > 0:
        room = max(0, room - int(paid_out_year_fen))
    else:
        owed_first = max(0, int(table.outpatient_deductible[payer]) + int(paid_out_year_fen))
    owed_first += max(0, int(table.annual_deductible[payer]) - int(own_year_fen))
    left = max(0, int(table.out_of_pocket_maximum[payer]) - int(own_year_fen))
    if left == 0:
        return 0.0
    if rate == 0 or room == 0:
        return 1.0
    paid = rate * 1e-6
    spot = 1.0 if owed_first > 0 else 1.0 - paid
    year_end = spot
    if mean > 0.0:
        met = mean / (mean + owed_first)
        spent = mean / (mean + owed_first + room / paid)
        year_end = 1.0 - paid * (met * met - spent * spent)
        if rate < 1_000_000:
            most = owed_first + max(0, left - owed_first) / (1.0 - paid)
            reached = mean / (mean + most)
            year_end -= (1.0 - paid) * reached * reached
    return spot + price_mix * (year_end - spot)


def _overlaid(block: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """Put fields over those of a block; a field by tier may name some tiers only."""
    found = dict(block)
    for key, value in over.items():
        before = found.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            found[key] = {**before, **value}
        else:
            found[key] = value
    return found


def _options_of(
    payer: int, row: Mapping[str, object], offered: object, where: str
) -> Iterator[tuple[CoverOption, dict[str, object]]]:
    """Read the packages a scheme's members may choose, each over the usual one."""
    blocks = _mapping(offered, where)
    if len(blocks) > _MOST_OPTIONS:
        raise ScenarioError(
            "too many options to choose from",
            where=where,
            value=len(blocks),
            allowed=f"up to {_MOST_OPTIONS} for a scheme",
        )
    for name, given in blocks.items():
        path = f"{where}.{name}"
        block = _mapping(given, path)
        for key in block:
            if key in _SHARED:
                raise ScenarioError(
                    "all members of a scheme share this field",
                    where=f"{path}.{key}",
                    value=key,
                    remedy="Write it in the scheme's own block.",
                )
            _known(key, (*_OF_OPTION, *(f for f in _FIELDS if f not in _SHARED)), path)
        needs = block.get("needs_contract", False)
        if not isinstance(needs, bool):
            raise ScenarioError(
                where=f"{path}.needs_contract", value=needs, allowed="true or false"
            )
        premium = _number(_field(block, "premium", path), "premium", f"{path}.premium")
        changed = {key: value for key, value in block.items() if key not in _OF_OPTION}
        yield CoverOption(str(name), payer, premium, needs), _overlaid(row, changed)


def _known(key: object, allowed: Sequence[str], where: str) -> None:
    """Refuse a name that is not one of those allowed, with the nearest one that is."""
    if isinstance(key, str) and key in allowed:
        return
    near = difflib.get_close_matches(str(key), allowed, n=1)
    raise ScenarioError(
        "unknown field",
        where=where,
        value=key,
        allowed=", ".join(allowed),
        remedy=f"Did you mean `{near[0]}`?" if near else "",
    )


def _mapping(block: object, where: str) -> Mapping[str, object]:
    """Check that a block is a mapping of names."""
    if not isinstance(block, Mapping):
        raise ScenarioError(where=where, value=block, allowed="a mapping of names to numbers")
    return block


def _field(block: Mapping[str, object], key: str, where: str) -> object:
    """Look a field up; a missing one is an error that names it."""
    if key not in block:
        raise ScenarioError(
            "a field is missing",
            where=f"{where}.{key}",
            allowed="a number, or a mapping with value and unit",
        )
    return block[key]


def _number(node: object, field: str, where: str) -> float:
    """Read a number, plain or with value and unit; money in CNY, shares from 0 to 1."""
    is_money = field in _MONEY
    unit = ""
    if isinstance(node, Mapping):
        unit = str(node.get("unit", ""))
        node = _field(node, "value", where)
    if node == "none" and field in _CAN_BE_NONE:
        return math.inf
    if isinstance(node, bool) or not isinstance(node, int | float | np.integer | np.floating):
        raise ScenarioError(where=where, value=node, allowed="a number")
    value = float(node)
    if field in _CAN_BE_NONE and value == math.inf:
        return value
    if unit:
        per = "/year" if unit.endswith(("/year", "/month")) and is_money else ""
        named = "ratio" if field == "base_of_income" else "share"
        value = convert(value, unit, ("CNY" if is_money else named) + per, where)
    top, allowed = 1.0, "a share from 0 to 1"
    if is_money:
        top, allowed = NO_LIMIT_FEN / 100, "0 CNY or more"
    elif field == "base_of_income":
        top, allowed = _LARGEST_RATIO, f"a ratio from 0 to {_LARGEST_RATIO:g}"
    if not 0.0 <= value <= top:
        raise ScenarioError(where=where, value=value, allowed=allowed)
    return value


def _fen(money: NDArray[np.float64]) -> NDArray[np.int64]:
    """Turn CNY into fen, no limit into the largest amount."""
    limit = NO_LIMIT_FEN / 100
    finite = np.minimum(money, limit / 2)
    return np.ascontiguousarray(np.where(money >= limit / 2, NO_LIMIT_FEN, to_minor(finite)))


def _millionths(shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """Turn shares into millionths."""
    return np.ascontiguousarray(np.rint(shares * _MILLION).astype(np.int64))
