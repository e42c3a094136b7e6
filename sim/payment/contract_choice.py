"""Choice: providers may have part of their care paid by the better of two contracts."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sim.activity import Activity, Array
from sim.errors import PaymentError
from sim.payment._protocol import (
    Build,
    Contract,
    Outlook,
    Partials,
    PaymentContext,
    PaymentModel,
    fan_of,
    gradient_through,
    next_year,
    resolve,
    spec_from,
    tariff_of,
    total,
)
from sim.payment._smoothing import secants
from sim.payment._terms import check_keys, read_term, term

_KINDS = ("practice", "secondary", "tertiary")


@dataclass(frozen=True, eq=False)
class ContractChoice(Contract):
    """Pay by one contract, and let providers opt for another with a share of their care.

    Parameters
    ----------
    standard, option : PaymentModel
        The contract that holds for all, and the one that may be chosen.
    provider_ids : tuple of str
        Names of the providers.
    eligible : tuple of str
        Names of the providers that may choose.
    largest_share : float
        Largest share of a provider's care that may be paid by the option.

    Notes
    -----
    The payer pays each provider by the contracts, at their times; the choice is made knowing the
    year, so the better contract is always the one chosen, with all that may be::

        revenue = standard + largest_share x max(option - standard, 0)   where eligible
        revenue = standard                                               elsewhere

    With a share of 1 a provider gets the larger of both. One more of anything brings the standard's
    price, or the mixture's once the option is better; in between, what the forecast makes likely.
    The choice never costs a provider anything, so what it costs the payer is an outcome. Left out:
    a fee for choosing, commitment before the year, places for some providers only.

    References
    ----------
    Newhouse JP. Reimbursing health plans and health providers: efficiency in production versus
    selection. J Econ Lit 1996; 34:1236-1263.
    """

    id: ClassVar[str] = "contract_choice"
    title_en: ClassVar[str] = "Choice of contract"
    title_zh: ClassVar[str] = "支付方式自选"
    line_en: ClassVar[str] = "Providers may opt for another contract with a share of their care."
    line_zh: ClassVar[str] = "机构可就一定比例的服务自选另一种支付方式。"
    holds: ClassVar[tuple[str, ...]] = ("standard", "option")

    standard: PaymentModel
    option: PaymentModel
    provider_ids: tuple[str, ...]
    eligible: tuple[str, ...] = dataclasses.field(
        default=(),
        metadata=term(
            form="providers", unit="word", label_en="who may choose", label_zh="可选机构"
        ),
    )
    largest_share: float = dataclasses.field(
        default=1.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="largest share of care under the option",
            label_zh="可选比例上限",
        ),
    )

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], context: PaymentContext, build: Build, where: str
    ) -> PaymentModel:
        """Read who may choose and how much, and build both contracts."""
        check_keys(spec, ("standard", "option", "eligible", "largest_share"), where)
        terms = {k: v for k, v in spec.items() if k == "largest_share"}
        for name in ("standard", "option"):
            if name not in spec:
                raise PaymentError(
                    "a choice is between two contracts",
                    where=f"{where}.{name}",
                    allowed="a payment model and its terms",
                    remedy=f"Add `{name}:` with a payment model.",
                )
        ids = tuple(context.provider_ids)
        return cls(
            build(spec["standard"], context, f"{where}.standard"),
            build(spec["option"], context, f"{where}.option"),
            ids,
            _read_eligible(spec.get("eligible"), context, f"{where}.eligible"),
            **cls.read_terms(terms, where),
        )

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found: dict[str, Any] = {
            "standard": spec_from(self.standard),
            "option": spec_from(self.option),
            "largest_share": self.largest_share,
        }
        if self.eligible != self.provider_ids:
            found["eligible"] = list(self.eligible)
        return {self.id: found}

    @property
    def reads(self) -> frozenset[str]:
        """Give what either contract reads."""
        return self.standard.reads | self.option.reads

    @property
    def children(self) -> tuple[PaymentModel, ...]:
        """Give both contracts."""
        return (self.standard, self.option)

    @property
    def tariff(self) -> PaymentModel:
        """Give what prices the items when nobody chooses."""
        return tariff_of(self.standard)

    @property
    def _share(self) -> Array:
        may = np.array([name in self.eligible for name in self.provider_ids], dtype=np.float64)
        return self.largest_share * may

    def revenue(self, activity: Activity) -> Array:
        """Give the standard and what the option adds, CNY per year, shape (n,)."""
        plain = self.standard.revenue(activity)
        gain = np.maximum(self.option.revenue(activity) - plain, 0.0)
        return np.asarray(plain + self._share * gain)

    def partials(self, activity: Activity) -> Partials:
        """Give the slopes at the point."""
        exact = Outlook.exact(activity)
        return self.gradient_through(exact, exact.at_root)

    def fan(self, outlook: Outlook) -> Array:
        """Give the payment at every node of the forecast."""
        plain = fan_of(self.standard, outlook)
        gain = np.maximum(fan_of(self.option, outlook) - plain, 0.0)
        return np.asarray(plain + self._share[:, None] * gain)

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down to either contract, by how likely the option is the better one."""
        gain = fan_of(self.option, outlook) - fan_of(self.standard, outlook)
        chosen = self._share[:, None] * secants(lambda x: np.maximum(x, 0.0), gain)
        return total(
            [
                gradient_through(self.standard, outlook, upstream * (1.0 - chosen)),
                gradient_through(self.option, outlook, upstream * chosen),
            ]
        )

    def renew(self, history: Sequence[Activity]) -> ContractChoice:
        """Renew both contracts."""
        return dataclasses.replace(
            self,
            standard=next_year(self.standard, history),
            option=next_year(self.option, history),
        )

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Make each contract neutral by itself; what the choice adds comes on top."""
        return dataclasses.replace(
            self,
            standard=resolve(self.standard, base, receipts, previous),
            option=resolve(self.option, base, receipts, previous),
        )


def _read_eligible(value: object, context: PaymentContext, where: str) -> tuple[str, ...]:
    """Read who may choose: a kind of provider, or names; nothing said means all."""
    ids = tuple(context.provider_ids)
    if value is None:
        return ids
    if isinstance(value, Mapping):
        check_keys(value, ("kind",), where)
        word = term(unit="word", choices=_KINDS, label_en="kind", label_zh="类别")["term"]
        rows = value.get("kind")
        kinds = [rows] if isinstance(rows, str) or not isinstance(rows, Sequence) else rows
        wanted = {_KINDS.index(str(read_term(k, word, f"{where}.kind"))) for k in kinds}
        return tuple(p for p, k in zip(ids, context.kinds, strict=True) if int(k) in wanted)
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, Sequence):
        raise PaymentError(
            "who may choose is a list of providers, or a kind",
            where=where,
            value=value,
            allowed="provider ids, or {kind: ...}",
        )
    for k, name in enumerate(names):
        if name not in ids:
            near = difflib.get_close_matches(str(name), ids, n=1)
            raise PaymentError(
                "no such provider under this contract",
                where=f"{where}[{k}]",
                value=name,
                allowed=", ".join(ids),
                remedy=f"Did you mean {near[0]!r}?" if near else "",
            )
    return tuple(str(name) for name in names)
