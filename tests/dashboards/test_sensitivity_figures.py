"""Figures and sentences of sensitivity: they say what the tables say, in both languages."""

from __future__ import annotations

import pandas as pd
import pytest

from dashboards.figures import chance, failing, influence, parallel, reading, settling, tornado
from dashboards.figures.canvas import Style

LABELS = {"a": ("Altruism: scale", "利他程度：尺度"), "b": ("Audit rate", "稽核比例")}
OUTCOMES = pd.DataFrame(
    [
        {
            "id": "spending",
            "area": "cost",
            "unit": "CNY per person-year",
            "better": "lower",
            "label_en": "Spending per person",
            "label_zh": "人均费用",
            "definition_en": "-",
            "definition_zh": "-",
        }
    ]
)


def labeled(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"label_en": LABELS[str(r["factor"])][0], "label_zh": LABELS[str(r["factor"])][1]} | r
            for r in rows
        ]
    )


VERDICTS = labeled(
    [
        {"factor": "a", "value": 0.8, "low": 0.7, "high": 0.9, "verdict": "decides"},
        {"factor": "b", "value": 0.01, "low": 0.0, "high": 0.02, "verdict": "hardly"},
    ]
)


def test_the_reading_says_who_decides_and_who_hardly_matters() -> None:
    english = reading.who_decides(VERDICTS, OUTCOMES, "spending", Style("en"), "variance")
    assert english == (
        "Altruism (scale) decides spending per person: about 80% of its variance (70% to 90%); "
        "audit rate hardly matters."
    )
    chinese = reading.who_decides(VERDICTS, OUTCOMES, "spending", Style("zh"), "variance")
    assert chinese == (
        "人均费用主要由利他程度（尺度）决定：占其方差的约80%（70%至90%）；稽核比例影响很小。"
    )


def test_nothing_is_claimed_where_intervals_leave_it_open() -> None:
    vague = VERDICTS.assign(verdict="unclear")
    text = reading.who_decides(vague, OUTCOMES, "spending", Style("en"), "variance")
    assert text == "No factor clearly moves spending per person yet; more runs would tell."


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_figure_draws_and_has_a_sentence(lang: str) -> None:
    style = Style(lang)
    table = VERDICTS.assign(index="ST")
    swings = labeled(
        [
            {
                "factor": f,
                "unit": "",
                "end": end,
                "at": 0.5,
                "value": v,
                "low": v - 1,
                "high": v + 1,
            }
            for f, end, v in (("a", "low", 9.0), ("a", "high", -9.0), ("b", "low", 0.5))
        ]
    )
    growth = pd.concat([VERDICTS.assign(n_draws=n) for n in (64, 128)])
    shares = pd.DataFrame(
        {"source": ["parameters", "seed", "both"], "share": [0.9, 0.06, 0.04]}
    ).assign(low=[0.8, 0.0, 0.0], high=[1.0, 0.2, 0.1])
    pairs = pd.DataFrame([{"first": "a", "second": "b", "value": 0.2, "low": 0.1, "high": 0.3}])
    box = labeled(
        [{"factor": "a", "unit": "", "low": 0.0, "high": 2.0, "box_low": 0.0, "box_high": 0.5}]
    )
    draws = pd.DataFrame({"a": [0.1, 1.0], "b": [0.2, 0.3], "is_marked": [True, False]})
    axes = labeled([{"factor": f, "low": 0.0, "high": 2.0} for f in ("a", "b")])
    figures = [
        influence.influence_bars(
            table, VERDICTS, OUTCOMES, "spending", style, index="ST", kind="variance"
        ),
        influence.pairs_map(pairs, VERDICTS, style),
        tornado.tornado(swings, OUTCOMES, "spending", style),
        settling.settling(growth, style, widest=0.1, change=0.0, is_enough=False, n_needed=512),
        chance.seed_shares(shares, "Spending", style),
        failing.failing_box(box, style, failure="x", coverage=0.7, density=0.8, base_rate=0.2),
        parallel.parallel_draws(draws, axes, style, sentence="x"),
    ]
    for figure in figures:
        assert figure.layout.meta["sentence"]
        assert len(figure.data) > 0
        assert "{" not in figure.layout.meta["sentence"]
    end = figures[0].data[0].hovertext[0]
    assert "80%" in end


def test_a_box_is_told_by_its_conditions() -> None:
    row = {"low": 0.0, "high": 2.0, "box_low": 0.0, "box_high": 0.5}
    assert failing.conditions(row, Style("en")) == "below 0.50"
    assert failing.conditions(row | {"box_low": 1.0, "box_high": 2.0}, Style("zh")) == "高于1.0"
