"""The command `evidence`: published findings beside the model, as a table, a record or both.

Knows the words a user types and how rows are told; must not know how a finding is replayed.
Everything heavy is imported inside.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from dashboards.joint_commands import joint
from experiments.commands import ends_in_order, told_progress
from sim import terminal
from sim.errors import ScenarioError

if TYPE_CHECKING:
    from experiments.evidence.ground_truth import Score
    from experiments.evidence.mixture import Profile
    from experiments.evidence.record import Row

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add ``evidence`` to a command line."""
    app.command()(evidence)


class EvidencePart(StrEnum):
    """What is asked of the model."""

    LABORATORY = "laboratory"
    DEMAND = "demand"
    POLICIES = "policies"
    JOINT = "joint"
    LAB = "lab"


def _lights(lang: str) -> dict[str, str]:
    """Words of the verdicts."""
    if lang == "zh":
        return {"hit": "命中", "near": "接近", "miss": "未命中", "none": "未模拟"}
    return {"hit": "hit", "near": "near", "miss": "miss", "none": "not simulated"}


def _told_evidence(rows: Sequence[Row], lang: str, as_json: bool) -> None:
    """Give rows of the record as JSON or as a table."""
    from dataclasses import asdict

    from dashboards.figures.words import three_digits, unit_label

    if as_json:
        terminal.write_json([asdict(row) for row in rows])
        return
    heads = {
        "en": ["id", "what", "unit", "published", "band", "simulated", "95% interval", "verdict"],
        "zh": ["编号", "内容", "单位", "公布值", "允许范围", "模拟值", "95%区间", "结论"],
    }[lang]
    lights = _lights(lang)

    def pair(low: float, high: float) -> str:
        if math.isnan(low) or math.isnan(high):
            return "–"
        return f"{three_digits(low)} … {three_digits(high)}"

    lines = [
        [
            row.id,
            row.label_zh if lang == "zh" else row.label_en,
            unit_label(row.unit, lang, row.unit.partition(" ")[0]),
            three_digits(row.published),
            pair(row.band_low, row.band_high),
            three_digits(row.simulated),
            pair(row.low, row.high),
            lights[row.light],
        ]
        for row in rows
    ]
    counts = ("，" if lang == "zh" else ", ").join(
        f"{sum(row.light == light for row in rows)} {word}" for light, word in lights.items()
    )
    terminal.table("", heads, lines, numbers=(3, 5), caption=counts)


def evidence(
    part: Annotated[
        EvidencePart | None,
        typer.Argument(
            metavar="[PART]",
            help="laboratory, demand, policies, joint (fitted together, and each study unseen) or "
            "lab (for teaching); the first three if left out.",
        ),
    ] = None,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID…]", help="Of policies: findings or files.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show the record; nothing is run.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the record.")
    ] = None,
    replicates: Annotated[
        int, typer.Option("--replicates", "--seeds", min=2, help="Seeds of each world.")
    ] = 10,
    people: Annotated[
        int | None, typer.Option("--people", min=200, help="Persons simulated in each run.")
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option("--experiment", metavar="FILE", help="Of laboratory: other payoffs."),
    ] = None,
    choices: Annotated[
        Path | None,
        typer.Option("--choices", metavar="CSV", help="Of laboratory: choices to be explained."),
    ] = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Of demand: also look for better parameters.")
    ] = False,
    fitted: Annotated[
        bool,
        typer.Option("--fitted", help="Of policies: at the region's jointly fitted parameters."),
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Of lab and joint: a first look at few people.")
    ] = False,
    counties: Annotated[
        int | None, typer.Option("--counties", min=12, max=1000, help="Of lab: counties.")
    ] = None,
    studies: Annotated[
        int | None,
        typer.Option("--studies", min=2, max=100_000, help="Of lab: studies drawn from them."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Of lab: of counties and dates.")
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", metavar="ID", help="Of joint: one region alone.")
    ] = None,
    points: Annotated[
        int | None,
        typer.Option("--points", min=1, max=4096, help="Of joint: space-filling points."),
    ] = None,
    workers: terminal.WorkersOption = None,
    lang: terminal.LangOption = terminal.Lang.EN,
    as_json: terminal.JsonOption = False,
) -> None:
    """Hold the model against published findings; what was lived already is not lived again."""
    from experiments.evidence import replay
    from experiments.evidence.findings import findings, read_finding
    from experiments.evidence.record import blank, read_record, write_record

    folder = out
    joint_only = {"--region": region, "--points": points}
    given = [name for name, value in joint_only.items() if value is not None]
    if given and part is not EvidencePart.JOINT:
        raise ScenarioError(
            "only the joint fit has it", where=given[0], remedy="payshift evidence joint"
        )
    if show and part is not EvidencePart.JOINT:
        from experiments.evidence.record import PACKAGED

        _told_evidence(read_record(PACKAGED if out is None else out).rows, lang.value, as_json)
        return
    if (experiment or choices) and part is not EvidencePart.LABORATORY:
        raise ScenarioError(
            "only the laboratory has payoffs and choices",
            where="--experiment" if experiment else "--choices",
            remedy="payshift evidence laboratory --experiment FILE",
        )
    if fit and part is not EvidencePart.DEMAND:
        raise ScenarioError(
            "only demand is fitted", where="--fit", remedy="payshift evidence demand"
        )
    if fitted:
        if part is not EvidencePart.POLICIES:
            raise ScenarioError(
                "only policies are lived at the fitted parameters",
                where="--fitted",
                remedy="payshift evidence policies ID --fitted",
            )
        _at_fitted(ids, replicates, people, out, workers, lang.value, as_json)
        return
    if part is EvidencePart.JOINT:
        _refuse_for_joint(
            {"--people": people, "--counties": counties, "--studies": studies, "--seed": seed}, ids
        )
        joint(region, points, replicates, out, show, quick, workers, lang.value, as_json)
        return
    if ids and part is not EvidencePart.POLICIES:
        raise ScenarioError("only policies are chosen by id", where="ID", value=ids[0])
    lab_only = {"--quick": quick, "--counties": counties, "--studies": studies, "--seed": seed}
    given = [name for name, value in lab_only.items() if value not in (None, False)]
    if part is EvidencePart.LAB:
        _lab(quick, counties, people, studies, seed, out, workers, lang.value, as_json)
        return
    if given:
        raise ScenarioError("only the lab has it", where=given[0], remedy="payshift evidence lab")
    if part is EvidencePart.LABORATORY and (experiment or choices):
        _told_experiment(experiment or "hennig-schmidt-2011", choices, lang.value, as_json)
        return
    known = findings()
    record = blank(known)
    if folder is not None and (folder / "record.json").is_file():
        record = record.updated(read_record(folder).rows)
    from sim.record import home

    stores = home() / "evidence"
    chosen = [read_finding(name) for name in ids] if ids else known
    # Read from the regions' records; part of a part only where asked for by name.
    fresh = replay.baseline_rows(chosen) if ids or part is None else []
    of_record = {row.key for row in record.rows}
    extra = [row for row in fresh if row.key not in of_record]

    def keep() -> None:
        nonlocal record
        record = record.updated(fresh)
        if folder is not None:
            write_record(record, folder)

    with ends_in_order(), told_progress() as progress:
        if part in (None, EvidencePart.LABORATORY):
            fresh += replay.laboratory_rows(known)
            keep()
        if part in (None, EvidencePart.DEMAND):
            fresh += replay.demand_rows(
                stores, replicates, people or replay.PEOPLE, workers, progress, known
            )
            keep()
        if part in (None, EvidencePart.POLICIES):
            keep()
            answered = {row.key for row in fresh}
            for finding in chosen:
                if not replay.is_lived(finding):
                    rest = [row for row in blank([finding]).rows if row.key not in answered]
                    extra += rest if ids else []  # its reasons are told
                    continue
                terminal.say(f"{finding.id}: {finding.form.title.model_dump()[lang.value]}")
                rows = replay.policy_rows(finding, stores, replicates, people, workers, progress)
                fresh += rows
                extra += [row for row in rows if row.key not in of_record]
                keep()
    if part is None:
        _told_evidence(record.rows, lang.value, as_json)
    else:
        done = {row.key for row in fresh}
        shown = [*(row for row in record.rows if row.key in done), *extra]
        _told_evidence(shown, lang.value, as_json)
        told = part is EvidencePart.POLICIES and not as_json
        reasons = [
            (row.id, row.reason_zh if lang is terminal.Lang.ZH else row.reason_en)
            for row in (shown if told else [])
        ]
        for name, reason in dict.fromkeys(reasons):  # numbers of a finding may share one
            if reason:
                terminal.write(terminal.wrapped(reason, f"{name} "))
    if part is EvidencePart.DEMAND and not as_json:
        lived = people or replay.PEOPLE
        _told_plans(replay.plan_means(stores, replicates, lived, workers), lang.value)
        if fit:
            seeds, fewer = min(replicates, replay.FIT_REPLICATES), min(lived, replay.FIT_PEOPLE)
            _told_fit(replay.fit_demand(stores, seeds, fewer, workers), lang.value)
    if part is EvidencePart.LABORATORY and not as_json:
        _told_identification(lang.value)
    if folder is not None:
        terminal.say(f"record {folder}")


def _at_fitted(
    ids: Sequence[str] | None,
    replicates: int,
    people: int | None,
    out: Path | None,
    workers: int | None,
    lang: str,
    as_json: bool,
) -> None:
    """Answer findings at the jointly fitted parameters of their regions."""
    from experiments.evidence.findings import read_finding
    from experiments.evidence.joint import home_of, rows_at, studies_of
    from experiments.evidence.joint_record import read_joint
    from experiments.evidence.replay import is_lived
    from sim.record import home

    if out is not None:
        raise ScenarioError(
            "the record is that of the regions' own parameters; it is not written with --fitted",
            where="--out",
            value=str(out),
        )
    record = read_joint()
    known = [finding.id for region in record.about for finding in studies_of(region)]
    rows: list[Row] = []
    with ends_in_order(), told_progress() as progress:
        for name in ids or known:
            finding = read_finding(name)
            if not is_lived(finding):
                raise ScenarioError(
                    "nothing is lived for this finding",
                    where="ID",
                    value=name,
                    allowed=", ".join(known),
                )
            region = home_of(finding.targets[0].region)
            values = {region: record.set_of(region)}
            terminal.say(f"{finding.id}: {finding.form.title.model_dump()[lang]}")
            stores = home() / "evidence" / "joint"
            rows += rows_at(name, values, stores, replicates, people, workers, progress)
    _told_evidence(rows, lang, as_json)


def _refuse_for_joint(given: Mapping[str, int | None], ids: Sequence[str] | None) -> None:
    """Refuse what a joint fit does not take."""
    wrong = [name for name, value in given.items() if value is not None]
    if ids:
        raise ScenarioError("only policies are chosen by id", where="ID", value=ids[0])
    if wrong:
        raise ScenarioError(
            "the joint fit does not take it",
            where=wrong[0],
            allowed="--region, --points, --replicates, --quick, --out, --show, --workers",
        )


def _lab(
    quick: bool,
    counties: int | None,
    people: int | None,
    studies: int | None,
    seed: int | None,
    out: Path | None,
    workers: int | None,
    lang: str,
    as_json: bool,
) -> None:
    """Score estimators on twin counties whose truth is known, and write data for a class."""
    from dataclasses import asdict

    from experiments.evidence import teaching
    from experiments.evidence.ground_truth import ANALYSES, DESIGNS
    from sim.record import home

    usual = teaching.QUICK if quick else teaching.FULL
    size = teaching.Size(
        counties or usual.counties, people or usual.people, studies or usual.studies
    )
    start = teaching.SEED if seed is None else seed
    with ends_in_order(), told_progress() as progress:
        lab = teaching.taught(home() / "evidence", size, start, workers, progress)
    if out is not None:
        teaching.write_lab(lab, out)
    labels = {analysis.id: analysis.label.model_dump()[lang] for analysis in ANALYSES}
    if as_json:
        terminal.write_json([asdict(score) for score in lab.scores])
    else:
        _told_scores(
            lab.scores, labels, {k: v.model_dump()[lang] for k, v in DESIGNS.items()}, lang
        )
        note = {
            "en": f"Effects in 100 log points, nearly %; {size.studies} studies of {size.counties} "
            f"counties of {size.people:,} people. Truth: the world with the reform less its twin "
            "without. Coverage: 95% intervals that hold the truth. Power: intervals without zero. "
            "False alarms: the same where nothing was reformed.",
            "zh": f"效应以100×对数点计，约等于%；{size.counties}个县、每县{size.people:,}人，"
            f"共{size.studies}次研究。真值：改革世界减去同一县不改革的孪生世界。"
            "覆盖率：95%区间含真值的比例。功效：区间不含零的比例。误报：未改革时区间不含零的比例。",
        }
        terminal.write(terminal.wrapped(note[lang]))
    if out is not None:
        terminal.say(f"data {out}, truth {out / 'truth'}")


def _told_scores(
    scores: Sequence[Score], labels: Mapping[str, str], designs: Mapping[str, str], lang: str
) -> None:
    """Show how analyses did, design by design."""
    heads = {
        "en": ["analysis", "truth", "bias", "rmse", "coverage", "power", "false alarms"],
        "zh": ["分析方法", "真值", "偏差", "均方根误差", "覆盖率", "功效", "误报"],
    }[lang]

    def share(value: float) -> str:
        return f"{100.0 * value:.0f}%"

    for design, title in designs.items():
        rows = [
            [
                labels[one.analysis],
                terminal.signed(one.truth, 1),
                terminal.signed(one.bias, 1),
                terminal.number(one.rmse, 1),
                share(one.coverage),
                share(one.power),
                share(one.false_alarms),
            ]
            for one in scores
            if one.design == design
        ]
        terminal.table(title, heads, rows, numbers=(1, 2, 3, 4, 5, 6))


_MIXTURE = {
    "selfish_share": {"en": "share of the selfish", "zh": "完全利己者占比"},
    "scale": {"en": "altruism of the others, mean", "zh": "其余医生的平均利他权重"},
    "log_sd": {"en": "altruism of the others, sd of ln", "zh": "其余医生利他权重的对数标准差"},
    "precision": {"en": "precision of choice", "zh": "选择精度"},
}
_VERDICTS = {
    "identified": {"en": "identified", "zh": "可以识别"},
    "bounded above": {"en": "bounded above only", "zh": "只有上界"},
    "bounded below": {"en": "bounded below only", "zh": "只有下界"},
    "not identified": {"en": "not identified", "zh": "不能识别"},
}


def _told_profiles(found: Sequence[Profile], title: str, lang: str) -> None:
    """Show what data tell of a mixture."""
    heads = {
        "en": ["number of the mixture", "low", "best", "high", "verdict"],
        "zh": ["混合分布的参数", "下限", "最优", "上限", "结论"],
    }[lang]
    rows = [
        [
            _MIXTURE[one.name][lang],
            *(terminal.number(x, 3) for x in (one.low, one.best, one.high)),
            _VERDICTS[one.verdict][lang],
        ]
        for one in found
    ]
    terminal.table(title, heads, rows, numbers=(1, 2, 3))


def _told_identification(lang: str) -> None:
    """Say which mixtures the published means leave open, and what would tell them apart."""
    from experiments.evidence.laboratory import Mixture, read_experiment
    from experiments.evidence.mixture import (
        draw_choices,
        misfit_of_choices,
        misfit_of_means,
        profiles,
    )
    from experiments.evidence.replay import published_means

    experiment = read_experiment("hennig-schmidt-2011")
    means, tolerance = published_means()
    titles = {
        "en": (
            "What the two published means tell",
            "What single choices of 42 physicians would tell (drawn from a known mixture)",
        ),
        "zh": ("两个公布的均值能说明什么", "42名医生的逐个选择能说明什么（由已知混合分布抽取）"),
    }[lang]
    _told_profiles(profiles(misfit_of_means(experiment, means, tolerance)), titles[0], lang)
    drawn = draw_choices(
        experiment, Mixture(precision=2.0), {"fee_for_service": 20, "capitation": 22}, 7
    )
    _told_profiles(profiles(misfit_of_choices(experiment, drawn)), titles[1], lang)


def _told_experiment(name: str, choices: Path | None, lang: str, as_json: bool) -> None:
    """Answer an experiment of a user's own, and explain choices if there are any."""
    from dataclasses import asdict

    from experiments.evidence.laboratory import Mixture, mean_quantity, read_experiment
    from experiments.evidence.mixture import misfit_of_choices, profiles, read_choices

    experiment = read_experiment(name)
    known = None if choices is None else read_choices(choices, experiment)
    found = [] if known is None else profiles(misfit_of_choices(experiment, known))
    rows = [
        {
            "payment": payment,
            "illness": illness,
            "type": kind,
            "quantity": float(mean[i, k]),
        }
        for payment in experiment.payments
        for mean in (mean_quantity(experiment, payment, Mixture()),)
        for i, illness in enumerate(experiment.illnesses)
        for k, kind in enumerate(experiment.types)
    ]
    if as_json:
        terminal.write_json({"quantities": rows, "profiles": [asdict(one) for one in found]})
        return
    heads = {
        "en": ["payment", "illness", "type", "mean services"],
        "zh": ["支付方式", "病种", "患者类型", "平均服务量"],
    }[lang]
    terminal.table(
        experiment.form.title.model_dump()[lang],
        heads,
        [
            [str(r["payment"]), str(r["illness"]), str(r["type"]), f"{r['quantity']:.3f}"]
            for r in rows
        ],
        numbers=(3,),
    )
    if found:
        _told_profiles(found, "", lang)


_MEASURES = {
    "any_use": {"en": "any use", "zh": "全年就医比例"},
    "visits": {"en": "visits", "zh": "人均门诊"},
    "any_admission": {"en": "any admission", "zh": "全年住院比例"},
    "outpatient": {"en": "outpatient, USD", "zh": "门诊费用（美元）"},
    "inpatient": {"en": "inpatient, USD", "zh": "住院费用（美元）"},
    "total": {"en": "total, USD", "zh": "总费用（美元）"},
    "charge_per_visit": {"en": "charge per visit, USD", "zh": "次均门诊费用（美元）"},
    "charge_per_stay": {"en": "charge per stay, USD", "zh": "次均住院费用（美元）"},
}
_PLANS = {
    "free": {"en": "free", "zh": "免费"},
    "coins25": {"en": "25 %", "zh": "自付25%"},
    "coins95": {"en": "95 %", "zh": "自付95%"},
}


def _told_plans(means: Mapping[str, Mapping[str, float]], lang: str) -> None:
    """Show every measure by plan: contacts first, then what one contact costs."""
    from dashboards.figures.words import three_digits

    heads = ["", *(_PLANS[plan][lang] for plan in means)]
    rows = [
        [
            label[lang],
            *(three_digits(means[plan][name]) for plan in means),
        ]
        for name, label in _MEASURES.items()
    ]
    terminal.table("", heads, rows, numbers=(1, 2, 3))


SHOWN_POINTS: Final = 12


def _told_fit(found: Sequence[tuple[Mapping[str, float], float]], lang: str) -> None:
    """Show the points nearest to the published ratios of all that were lived."""
    heads = [*found[0][0], {"en": "misfit", "zh": "偏差"}[lang]]
    rows = [
        [*(terminal.number(x, 3) for x in point.values()), terminal.number(miss, 1)]
        for point, miss in found[:SHOWN_POINTS]
    ]
    terminal.table("", heads, rows, numbers=tuple(range(len(heads))))
