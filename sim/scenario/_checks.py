"""What the form of a file cannot tell: names of the region, ranges, contracts, benefits.

Knows the region, the outcomes and who checks each part of a policy; must not know how files are
read or laid over each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np

from sim import outcomes
from sim import payment as contracts
from sim.benefits import Benefits
from sim.errors import PaymentError, PayshiftError, ScenarioError
from sim.parameters import Parameter
from sim.region import Region
from sim.scenario._forms import AllianceForm, AssignmentForm, Selector
from sim.scenario._nodes import Node, elsewhere, place_of, plain, shared, suggestion, unknown_name
from sim.scenario._policy import Policy, policy_of
from sim.units import UNITS, convert, is_foreign

CHANNELS: Mapping[str, tuple[str, str]] = {
    "intensity": ("Intensity of treatment", "诊疗强度"),
    "returns": ("Return visits", "复诊"),
    "low_value": ("Low-value services", "低价值服务"),
    "referral": ("Treat or refer", "首诊与转诊"),
    "admission": ("Admit, defer, transfer, refuse", "收治、延后、转院与推诿"),
    "stay": ("Length of stay", "住院天数"),
    "coding": ("Coding of levels", "编码高套"),
    "documentation": ("Completeness of documentation", "病案完整性"),
    "prevention": ("Prevention and follow-up", "预防与随访"),
    "quality": ("Quality effort", "质量努力"),
    "cost": ("Cost-cutting effort", "控费努力"),
    "joining": ("Patients joining a practice", "居民签约选择"),
    "selection": ("Putting off who asks to join", "劝退申请签约者"),
    "mode": ("Mode of treatment of stays", "住院治疗方式"),
    "splitting": ("Splitting of stays", "分解住院"),
    "uncovered": ("Billing outside the catalogue", "目录外收费"),
    "documented_quality": ("Documented quality items", "质量指标填报"),
    "recovery": ("Sending down for recovery", "下转康复"),
    "observation": ("Observation against admission", "留院观察与收治"),
    "discharge": ("Discharge to a facility or home", "出院去向与院后照护"),
    "posting": ("Posting doctors down", "向基层派驻医师"),
    "working_time": ("Minutes of a visit", "每次就诊时长"),
}
"""Channels that `--freeze` can hold at their baseline, with labels in English and Chinese."""


FROM_REFORM = (
    "price_knowledge",
    "price_mix",
    "account_weight",
    "waiting_weight",
    "experience_weight",
    "referral_compliance",
    "leave_list",
    "contract_fee",
    "contract_value_visits",
    "selection_cost",
    "trust",
)
"""Parameters that a reform may change: read every month, and no baseline constant rests on them."""


def override(raw: object, parameter: Parameter, where: str) -> float:
    """Read a parameter's new value in its own unit and check its range."""
    if isinstance(raw, Mapping):
        if "value" not in raw:
            raise ScenarioError("the value is missing", where=where, allowed="{value, unit}")
        named = raw.get("unit", parameter.unit)
        value = raw["value"]
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ScenarioError("a number is needed", where=where, value=value)
        if named != parameter.unit:
            if named not in UNITS or parameter.unit not in UNITS:
                raise ScenarioError(
                    "not the parameter's unit", where=where, value=named, allowed=parameter.unit
                )
            value = convert(float(value), str(named), parameter.unit, where)
        raw = value
    return parameter.check(cast(float, raw), where)


def _known_outcomes() -> tuple[str, ...]:
    """List the outcomes there are."""
    return tuple(outcomes.OUTCOMES)


def semantic_problems(tree: Node, region: Region) -> Iterator[PayshiftError]:
    """Check what the form alone cannot: names of the region, parameters, outcomes, channels."""
    table = region.parameters
    for block in ("parameters", "from_reform"):
        overrides = tree.get(block)
        if overrides is None or not isinstance(overrides.value, Mapping):
            continue
        for name, node in overrides.value.items():
            where = f"{node.key or node.place}: {block}.{name}"
            if name not in table:
                yield ScenarioError(
                    "unknown parameter",
                    where=where,
                    value=name,
                    allowed="an id from: payshift list parameters",
                    remedy=suggestion(name, table),
                )
                continue
            if block == "from_reform" and name not in FROM_REFORM:
                yield ScenarioError(
                    "the baseline rests on this parameter, so no reform changes it",
                    where=where,
                    value=name,
                    allowed=", ".join(FROM_REFORM),
                    remedy="Set it under parameters, for all months.",
                )
                continue
            try:
                override(plain(node), table[name], f"{node.place}: {block}.{name}")
            except ScenarioError as error:
                yield error
    yield from _foreign_amounts(tree, region.currency)
    yield from _unknown_words(tree, "freeze", "channel", tuple(CHANNELS))
    yield from _unknown_words(tree, "outcomes", "outcome", _known_outcomes())
    rows = tree.get("payment")
    for number, row in enumerate(rows.value if rows and isinstance(rows.value, tuple) else ()):
        form = row.once("form", lambda node: AssignmentForm.model_validate(shared(node)))
        payer_node = cast(Node, row.get("payer"))
        for payer in form.payer:
            if payer not in region.payers:
                yield unknown_name(
                    "unknown payer",
                    f"{payer_node.place}: payment.{number}.payer",
                    payer,
                    region.payers,
                )
        selector_node = cast(Node, row.get("providers"))
        yield from _selector_problems(
            selector_node, form.providers, region, f"payment.{number}.providers"
        )
    for name in ("prices", "formulary"):
        changes = tree.get(name)
        for number, row in enumerate(
            changes.value if changes and isinstance(changes.value, tuple) else ()
        ):
            chosen = row.get("providers")
            if chosen is not None:
                yield from _selector_problems(
                    chosen,
                    Selector.model_validate(plain(chosen)),
                    region,
                    f"{name}.{number}.providers",
                )
    yield from _alliance_problems(tree, region)


def _alliance_problems(tree: Node, region: Region) -> Iterator[ScenarioError]:
    """Find leads that are no hospital of the region, and providers led by two."""
    rows = tree.get("alliances")
    ids, led = [str(i) for i in region.providers.ids], set[int]()
    for number, row in enumerate(rows.value if rows and isinstance(rows.value, tuple) else ()):
        form = AllianceForm.model_validate(plain(row))
        lead = cast(Node, row.get("lead"))
        where = f"{lead.place}: alliances.{number}.lead"
        hospitals = [i for i, kind in zip(ids, region.providers.kind, strict=True) if kind > 0]
        if form.lead not in hospitals:
            yield ScenarioError(
                "no hospital of the region",
                where=where,
                value=form.lead,
                allowed="an id of a hospital in the region's providers.csv",
                remedy=suggestion(form.lead, hospitals),
            )
            continue
        chosen = cast(Node, row.get("members"))
        path = f"alliances.{number}.members"
        yield from _selector_problems(chosen, form.members, region, path)
        members = {ids.index(form.lead), *form.members.indices(region)}
        if members & led:
            yield ScenarioError(
                "a provider is led by two",
                where=f"{chosen.place}: {path}",
                value=ids[min(members & led)],
                remedy="Choose members that no other alliance has.",
            )
        led |= members


def _selector_problems(
    node: Node, selector: Selector, region: Region, path: str
) -> Iterator[ScenarioError]:
    """Find providers that do not exist, and choices that mean nobody."""
    where = f"{node.place}: {path}"
    unknown = [i for i in selector.ids or () if i not in region.providers.ids]
    if unknown:
        yield ScenarioError(
            "unknown provider",
            where=where,
            value=unknown[0],
            allowed="an id of the region's providers.csv",
            remedy=suggestion(unknown[0], [str(i) for i in region.providers.ids]),
        )
    elif not selector.indices(region):
        types = sorted({str(t) for t in region.providers.type})
        yield ScenarioError(
            "no provider of the region is meant",
            where=where,
            value=plain(node),
            allowed=f"types: {', '.join(types)}",
            remedy=suggestion(selector.type or "", types),
        )


def _foreign_amounts(tree: Node, currency: str) -> Iterator[ScenarioError]:
    """Find them in every entry of a tree; entries that were looked through are not again."""
    for key, entry in tree.value.items() if isinstance(tree.value, dict) else ():
        look = partial(_foreign_money, currency=currency, steps=(key,))
        yield from entry.once(f"foreign to {currency} in {key}", look)


def _foreign_money(node: Node, currency: str, steps: tuple[str, ...]) -> list[ScenarioError]:
    """Find amounts in a currency that is not the region's: nothing converts one into another."""
    # A list, not one generator inside another: every run of a sweep has its tree walked.
    value, found = node.value, []
    entries: Iterable[tuple[object, Node]] = ()
    if isinstance(value, tuple):
        entries = enumerate(value)
    elif isinstance(value, dict):
        entries = value.items()
        named = value.get("unit")
        if isinstance(named, Node) and is_foreign(str(named.value), currency):
            found.append(
                ScenarioError(
                    "the region has another currency",
                    where=f"{named.place}: {'.'.join((*steps, 'unit'))}",
                    value=named.value,
                    allowed=currency,
                    remedy="Write the amount in the region's currency.",
                )
            )
    for key, entry in entries:
        if isinstance(entry.value, dict | tuple):
            found += _foreign_money(entry, currency, (*steps, str(key)))
    return found


def _unknown_words(
    tree: Node, name: str, noun: str, known: Sequence[str]
) -> Iterator[ScenarioError]:
    """Find entries of a list of names that do not exist."""
    node = tree.get(name)
    for entry in node.value if node is not None and isinstance(node.value, tuple) else ():
        if entry.value not in known:
            yield ScenarioError(
                f"unknown {noun}",
                where=f"{entry.place}: {name}",
                value=entry.value,
                allowed=", ".join(known) if len(known) <= 20 else f"see: payshift list {name}",
                remedy=suggestion(str(entry.value), known),
            )


_OF_CHOICE = (
    "cover_attention",
    "cover_memory",
    "cover_knowledge",
    "cover_risk_aversion",
    "cover_precision",
)


def policy_problems(tree: Node, after: Policy, region: Region) -> Iterator[PayshiftError]:
    """Let payment and benefits check their own specifications, and say where each is wrong.

    Parameters
    ----------
    tree : Node
        The scenario, for places.
    after : Policy
        What is in force from the reform on, the kept part of the status quo included.
    region : Region
        Where it applies.
    """
    policy = policy_of(tree, ())
    for assignment in policy.payment:
        rows = assignment.providers.indices(region)
        try:
            assignment.check(_plain_context(region, rows))
        except PaymentError as error:
            yield error
    try:
        benefits = Benefits.from_spec(policy.benefits, region.payers)
        if benefits.has_account.any() and "account_weight" not in region.parameters:
            payer = region.payers[int(np.argmax(benefits.has_account))]
            place = place_of(tree, ["benefits", payer, "account"], None)
            yield ScenarioError(
                "the region does not say what money in an individual account weighs",
                where=f"{place}: benefits.{payer}.account",
                allowed="a region with the parameter account_weight",
                remedy="Add account_weight to the region's parameters.csv.",
            )
        yield from _choice_problems(tree, benefits)
    except ScenarioError as error:
        steps = [s for s in re.split(r"[.\[\]]+", error.where) if s]
        yield elsewhere(error, f"{place_of(tree, steps, error.value)}: {error.where}")
    try:
        groups = after.groups(region)
    except ScenarioError as error:
        yield error
        return
    own = [a.node for a in policy.payment]
    for group in groups:
        written_for = group.assignment.providers.indices(region)
        if group.providers == written_for or group.assignment.node not in own:
            continue
        try:
            group.assignment.check(_plain_context(region, group.providers))
        except PaymentError as error:
            yield _of_the_rest(error)


def _choice_problems(tree: Node, benefits: Benefits) -> Iterator[ScenarioError]:
    """Find what a scenario with cover options leaves unsaid of how they are chosen."""
    if not benefits.options:
        return
    option = benefits.options[0]
    steps = ["benefits", benefits.payers[option.payer], "options"]
    said = tree.get("enrolment")
    missing = [name for name in _OF_CHOICE if said is None or said.get(name) is None]
    if missing:
        yield ScenarioError(
            "options are offered, and nothing says how they are chosen",
            where=f"{place_of(tree, steps, None)}: {'.'.join(steps)}",
            value=option.name,
            allowed=f"enrolment with {', '.join(_OF_CHOICE)}",
            remedy=f"Write enrolment: {{{missing[0]}: ...}} beside benefits.",
        )


def _of_the_rest(error: PaymentError) -> PaymentError:
    """Say that a contract is wrong for the providers that later assignments leave it."""
    given: dict[str, Any] = {"value": error.value} if error.has_value else {}
    return PaymentError(
        f"{error.what}, where later assignments take some of the contract's providers",
        where=error.where,
        allowed=error.allowed,
        remedy="Write the contract for those that it keeps.",
        **given,
    )


def _plain_context(region: Region, rows: Sequence[int]) -> contracts.PaymentContext:
    """Give a contract the region's providers at unit prices, enough to check its terms."""
    n, n_groups = len(rows), len(region.groups.ids)
    providers = region.providers
    picked = np.array(rows, dtype=np.int64)
    return contracts.PaymentContext(
        provider_ids=tuple(providers.ids[i] for i in rows),
        kinds=providers.kind[picked],
        groups=region.groups.ids,
        unit_price=np.ones((n, 3, 4)),
        visit_fee=np.ones((n, 3)),
        day_price=np.ones((n, n_groups)),
        weights=region.groups.weight[:, None] * region.groups.weight_level,
        grade_coefficient=providers.grade_coefficient[picked],
    )
