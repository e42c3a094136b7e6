"""A policy in force: who pays whom by which contract, what patients pay, how claims are audited.

Knows contracts by their specification; must not know how any of them pays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from sim import payment as contracts
from sim.errors import PaymentError, ScenarioError
from sim.region import Alliance, ListChange, Region
from sim.scenario._forms import (
    COMPONENTS_AND_DAYS,
    AllianceForm,
    AssignmentForm,
    Audit,
    Enrolment,
    FormularyChange,
    PriceChange,
    Selector,
)
from sim.scenario._nodes import Node, place_of, plain, shared


@dataclass(frozen=True)
class Assignment:
    """One contract between one payer and the providers a selector names.

    Attributes
    ----------
    payer : str
        Id of the payer.
    providers : Selector
        Which providers.
    contract : mapping
        The contract as nested one-key mappings, for `sim.payment.build`.
    node : Node
        The same with places, for messages.
    """

    payer: str
    providers: Selector
    contract: Mapping[str, Any]
    node: Node = field(compare=False, repr=False)

    @property
    def where(self) -> str:
        """Give file, line and column of the contract."""
        return str(self.node.place)

    def build(self, context: contracts.PaymentContext) -> contracts.PaymentModel:
        """Build the payment model; a mistake in the contract names its file and line.

        Raises
        ------
        PaymentError
            If the contract is not one that can be built for these providers.
        """
        try:
            return contracts.build(self.contract, context)
        except PaymentError as error:
            raise self._placed(error) from None

    def check(self, context: contracts.PaymentContext) -> None:
        """Find what is wrong with the contract before any run, its rules for sorting included.

        Raises
        ------
        PaymentError
            If it cannot be built, or sorts stays or counts episodes in two different ways.
        """
        model = self.build(context)
        try:
            contracts.check_rules(model, context)
        except PaymentError as error:
            raise self._placed(error) from None

    def _placed(self, error: PaymentError) -> PaymentError:
        """Say where in the file the contract is wrong."""
        steps = [s for s in re.split(r"[.\[\]/: ]+", error.where) if s]
        steps = steps[1:] if steps[:1] == ["contract"] else steps
        place = place_of(self.node, steps, error.value)
        arguments: dict[str, Any] = {"value": error.value} if error.has_value else {}
        return PaymentError(
            error.what,
            where=f"{place}: {'.'.join(['contract', *steps])}",
            allowed=error.allowed,
            remedy=error.remedy,
            **arguments,
        )


@dataclass(frozen=True)
class ContractGroup:
    """The providers that share one contract with one payer.

    Attributes
    ----------
    payer : int
        Row of the payer in the region.
    providers : tuple of int
        Rows of the providers in the region, ascending.
    assignment : Assignment
        The contract.
    """

    payer: int
    providers: tuple[int, ...]
    assignment: Assignment


@dataclass(frozen=True)
class Policy:
    """What is in force: who pays whom by which contract, what patients pay, how claims are audited.

    Attributes
    ----------
    payment : tuple of Assignment
        A later assignment overrides an earlier one where both apply.
    benefits : mapping
        Specification for `sim.benefits`.
    audit : mapping of str to float
        Screening, sample, detection, fine and the rest, for `sim.oversight`.
    prices : tuple of PriceChange
        Changes of list prices and unit costs; several on the same units multiply.
    formulary : tuple of FormularyChange
        Changes of what is covered; the last that applies is in force.
    leads : tuple of AllianceForm
        Which hospitals lead which providers.
    enrolment : mapping of str to float
        Who may change lists and be put off, for `sim.enrolment`; closed lists by default.
    from_reform : mapping of str to float
        Parameters of the region that take another value once the policy is in force.
    """

    payment: tuple[Assignment, ...]
    benefits: Mapping[str, Any]
    audit: Mapping[str, float]
    prices: tuple[PriceChange, ...] = ()
    formulary: tuple[FormularyChange, ...] = ()
    leads: tuple[AllianceForm, ...] = ()
    enrolment: Mapping[str, float] = field(default_factory=lambda: Enrolment().model_dump())
    from_reform: Mapping[str, float] = field(default_factory=dict)

    def alliances(self, region: Region) -> tuple[Alliance, ...]:
        """Give the providers that are led by one of them."""
        ids = list(region.providers.ids)
        return tuple(
            Alliance(
                lead=ids.index(form.lead),
                members=tuple(sorted({ids.index(form.lead), *form.members.indices(region)})),
                **form.model_dump(exclude={"lead", "members"}),
            )
            for form in self.leads
        )

    def lists(self, region: Region) -> ListChange:
        """Give what the policy changes in price lists and in the catalog."""
        found = ListChange.none(region.providers)
        for change in self.prices:
            rows = list(change.providers.indices(region))
            price = 1.0 + change.affected * change.price
            cost = 1.0 + change.affected * change.cost
            if change.component == "days":
                if change.setting != "outpatient":
                    found.day_price[rows] *= price
                    found.day_cost[rows] *= cost
                continue
            column = COMPONENTS_AND_DAYS.index(change.component)
            if change.setting != "inpatient":
                found.price_out[rows, column] *= price
                found.cost_out[rows, column] *= cost
            if change.setting != "outpatient":
                found.price_in[rows, column] *= price
                found.cost_in[rows, column] *= cost
        for cover in self.formulary:
            rows = list(cover.providers.indices(region))
            if cover.setting != "inpatient":
                found.covered[rows, 0] = cover.covered
            if cover.setting != "outpatient":
                found.covered[rows, 1] = cover.covered
        return found

    def groups(self, region: Region) -> tuple[ContractGroup, ...]:
        """Give every payer-provider pair its contract, the last assignment that applies.

        Raises
        ------
        ScenarioError
            If some provider has no contract with some payer.
        """
        payers = list(region.payers)
        owner: dict[tuple[int, int], int] = {}
        for number, assignment in enumerate(self.payment):
            if assignment.payer not in payers:
                continue
            row = payers.index(assignment.payer)
            for provider in assignment.providers.indices(region):
                owner[row, provider] = number
        for row, payer in enumerate(payers):
            for provider, name in enumerate(region.providers.ids):
                if (row, provider) not in owner:
                    raise ScenarioError(
                        f"no contract between {payer} and {name}",
                        where="payment",
                        remedy="Add an assignment that covers this provider.",
                    )
        members: dict[tuple[int, int], list[int]] = {}
        for (row, provider), number in sorted(owner.items()):
            members.setdefault((row, number), []).append(provider)
        return tuple(
            ContractGroup(row, tuple(rows), self.payment[number])
            for (row, number), rows in sorted(members.items())
        )


def _assignments(row: Node) -> list[Assignment]:
    """Read one entry of a payment list: a contract for each payer it names."""
    form = AssignmentForm.model_validate(shared(row))
    contract = row.get("contract")
    assert contract is not None
    return [Assignment(p, form.providers, form.contract, contract) for p in form.payer]


def policy_of(tree: Node, under: tuple[Assignment, ...]) -> Policy:
    """Read the policy of a checked tree; `under` is what stays where nothing is said."""
    rows = tree.get("payment")
    assert rows is not None
    assert isinstance(rows.value, tuple)
    own = [given for row in rows.value for given in row.once("assignments", _assignments)]
    audit = Audit.model_validate(shared(cast(Node, tree.get("audit"))))
    benefits: dict[str, Any] = shared(cast(Node, tree.get("benefits")))
    prices, formulary = tree.get("prices"), tree.get("formulary")
    enrolment, later = tree.get("enrolment"), tree.get("from_reform")
    changed: Mapping[str, Any] = plain(later) if later else {}
    leads = tree.get("alliances")
    return Policy(
        (*under, *own),
        benefits,
        audit.model_dump(),
        tuple(PriceChange.model_validate(p) for p in (plain(prices) if prices else ())),
        tuple(FormularyChange.model_validate(f) for f in (plain(formulary) if formulary else ())),
        tuple(AllianceForm.model_validate(a) for a in (plain(leads) if leads else ())),
        Enrolment.model_validate(plain(enrolment) if enrolment else {}).model_dump(),
        {k: float(v["value"] if isinstance(v, Mapping) else v) for k, v in changed.items()},
    )
