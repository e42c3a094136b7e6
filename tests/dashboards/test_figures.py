"""Figures: what is drawn pale, gray or named, and what a missing number looks like."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from dashboards.figures import flows, gainers, incentives, palette, providers
from dashboards.figures.canvas import Style, arm_looks, breadth, nice_ticks, spread
from dashboards.figures.scorecard import PLOT, is_empty, scorecard
from dashboards.figures.trajectory import trajectory
from dashboards.report import ReportTables, canonical

MakeTables = Callable[..., ReportTables]
STYLE = Style("en", "CNY")


@pytest.fixture(scope="module")
def tables(make_tables: MakeTables) -> ReportTables:
    return canonical(make_tables())


def _markers(figure: go.Figure) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.mode == "markers"]


def _with_all(tables: ReportTables, outcome: str, **values: float) -> pd.DataFrame:
    frame = tables.differences.copy()
    rows = (frame["outcome"] == outcome) & (frame["group"] == "all")
    for name, value in values.items():
        frame.loc[rows, name] = value
    return frame


def test_the_status_quo_is_gray_and_every_reform_has_its_own_color(tables: ReportTables) -> None:
    for theme in (palette.LIGHT, palette.DARK):
        looks = arm_looks(tables.arms, Style("en", theme=theme))
        assert looks[0].color == theme.status_quo
        assert len({look.color for look in looks}) == len(looks)


def _luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(first: str, second: str) -> float:
    high, low = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_and_lines_stand_out_from_their_ground() -> None:
    # WCAG 2.1: 4.5 for text, 3 for graphical objects
    for theme in (palette.LIGHT, palette.DARK):
        assert _contrast(theme.ink, theme.surface) >= 7
        assert _contrast(theme.muted, theme.surface) >= 4.5
        assert all(
            _contrast(theme.ink, cell) >= 4.5 for cell in (theme.loss, theme.even, theme.gain)
        )
        assert all(
            _contrast(color, theme.surface) >= 2.9 for color in (*theme.arms, theme.status_quo)
        )


def test_every_light_color_has_exactly_one_dark_counterpart() -> None:
    pairs = palette.dark_of_light()
    assert len(set(pairs.values())) == len(pairs)
    assert not set(pairs) & set(pairs.values())


def test_a_dot_is_pale_and_hollow_exactly_when_its_interval_crosses_zero(
    tables: ReportTables,
) -> None:
    clear = _with_all(tables, "qaly", difference=0.01, low=0.005, high=0.015)
    unclear = _with_all(tables, "qaly", difference=0.01, low=-0.005, high=0.025)
    looks = arm_looks(tables.arms, STYLE)[1:]
    for frame, is_pale in ((clear, False), (unclear, True)):
        figure = scorecard(frame, tables.outcomes, tables.arms, "qaly", STYLE)
        for marker, look in zip(_markers(figure), looks, strict=True):
            assert marker.marker.line.color == (look.pale if is_pale else look.color)
            assert marker.marker.color == (palette.LIGHT.surface if is_pale else look.color)
        said = figure.layout.meta["sentence"]
        assert said.startswith("No clear change") == is_pale


def test_a_missing_number_keeps_its_row_and_says_so(tables: ReportTables) -> None:
    frame = tables.differences.copy()
    lost = (frame["outcome"] == "qaly") & (frame["arm"] == "drg")
    frame.loc[lost, ["difference", "low", "high", "relative"]] = np.nan
    figure = scorecard(frame, tables.outcomes, tables.arms, "qaly", STYLE)
    assert len(_markers(figure)) == 3
    assert "not measured" in [note.text for note in figure.layout.annotations]
    assert len(figure.layout.yaxis.ticktext) == 4


def test_an_outcome_nobody_measured_is_empty_and_still_drawable(tables: ReportTables) -> None:
    frame = tables.differences[tables.differences["outcome"] != "qaly"]
    assert is_empty(frame, "qaly")
    figure = scorecard(frame, tables.outcomes, tables.arms, "qaly", STYLE)
    assert not _markers(figure)
    assert "not recorded" in figure.layout.meta["sentence"]


def test_better_is_on_the_side_the_outcome_says(tables: ReportTables) -> None:
    texts = {
        outcome: [
            note.text
            for note in scorecard(
                tables.differences, tables.outcomes, tables.arms, outcome, STYLE
            ).layout.annotations
        ]
        for outcome in ("spending_per_person", "qaly", "referrals_up")
    }
    assert "← better" in texts["spending_per_person"]
    assert "better →" in texts["qaly"]
    assert not any("better" in text for text in texts["referrals_up"])


def test_a_trajectory_marks_the_reform_and_labels_every_arm(tables: ReportTables) -> None:
    figure = trajectory(
        tables.monthly,
        tables.outcomes,
        tables.arms,
        "wait",
        tables.months_before,
        STYLE,
        differences=tables.differences,
    )
    notes = [note.text for note in figure.layout.annotations]
    assert "reform" in notes
    assert {look.keyed(look.short) for look in arm_looks(tables.arms, STYLE)} <= set(notes)
    lines = [trace for trace in figure.data if trace.line.width and trace.hovertext is not None]
    assert len(lines) == 5
    # the status quo is drawn last; before the reform only it is drawn
    assert lines[-1].line.color == palette.LIGHT.status_quo
    assert min(lines[-1].x) == -24
    assert all(min(line.x) == -1 for line in lines[:-1])


def test_a_single_replicate_has_a_line_and_no_band(make_tables: MakeTables) -> None:
    tables = make_tables(replicates=1)
    one = tables.monthly[tables.monthly["replicate"] == 0]
    figure = trajectory(one, tables.outcomes, tables.arms, "wait", tables.months_before, STYLE)
    assert not any(trace.fill == "toself" for trace in figure.data)


def test_a_trajectory_without_values_shows_an_empty_state(tables: ReportTables) -> None:
    none = tables.monthly.iloc[:0]
    figure = trajectory(none, tables.outcomes, tables.arms, "wait", 24, STYLE)
    assert [note.text for note in figure.layout.annotations] == ["not recorded"]


def test_labels_never_stand_closer_than_their_height() -> None:
    placed = spread([10.0, 11.0, 12.0, 50.0, 51.0], 16.0, 0.0, 100.0)
    assert all(b - a >= 16.0 - 1e-9 for a, b in itertools.pairwise(sorted(placed)))
    assert sorted(range(5), key=lambda i: placed[i]) == [0, 1, 2, 3, 4]


def test_tick_marks_lie_within_their_axis() -> None:
    for low, high in ((-7.3, 2.1), (0.0, 1.0), (1e-6, 3e-6), (-5e6, -1e6)):
        marks = nice_ticks(low, high, 4)
        assert marks
        assert all(low - 1e-9 <= mark <= high + 1e-9 for mark in marks)


def test_gainers_are_drawn_in_order_of_income_on_one_scale(tables: ReportTables) -> None:
    figure = gainers.gainers(
        tables.differences, tables.outcomes, tables.arms, "qaly", "income", STYLE
    )
    assert list(figure.layout.yaxis.ticktext)[-1] == "poorest fifth"
    ranges = {tuple(figure.layout[axis].range) for axis in ("xaxis", "xaxis2", "xaxis3", "xaxis4")}
    assert len(ranges) == 1


def test_groups_are_said_to_differ_only_when_their_intervals_lie_apart(
    tables: ReportTables,
) -> None:
    frame = tables.differences.copy()
    ends = frame["group"].isin(["income:1", "income:5"])
    frame.loc[ends, ["difference", "low", "high"]] = [-10.0, -15.0, -5.0]
    sentence = gainers.gainers_sentence(
        frame, tables.outcomes, tables.arms, "spending_per_person", "income", STYLE
    )
    assert "fare alike" in sentence
    rich = (frame["group"] == "income:5") & (frame["arm"] == "capitation")
    frame.loc[rich, ["difference", "low", "high"]] = [-40.0, -45.0, -35.0]
    frame["baseline_mean"] = 1000.0
    sentence = gainers.gainers_sentence(
        frame, tables.outcomes, tables.arms, "spending_per_person", "income", STYLE
    )
    assert sentence.startswith("Capitation parts the groups")
    assert "poorest fifth −1.0%, richest fifth −4.0%" in sentence


def test_the_stake_is_free_of_units_and_bounded() -> None:
    assert incentives.stake_of(96.0, 48.0) == pytest.approx(incentives.stake_of(9.6, 4.8))
    assert incentives.stake_of(0.0, 0.0) == 0.0
    assert -1.0 <= incentives.stake_of(-30.0, 10.0) <= 1.0


def test_a_cell_holds_receipts_minus_cost(tables: ReportTables) -> None:
    figure = incentives.incentives_map(
        tables.incentives, tables.arms, "practice", "resident-scheme", STYLE
    )
    heat = figure.data[0]
    # a visit costs 38 and brings 1.3 times that under the status quo: 49.4 - 38 = 11.4
    assert heat.text[0][0] == "11"
    assert len(heat.z[0]) == 5


def test_the_scheme_that_a_reform_touches_comes_first(tables: ReportTables) -> None:
    assert incentives.payers_that_change(tables.incentives, "status-quo") == [
        "resident-scheme",
        "employee-scheme",
    ]


def test_a_margin_that_is_not_known_is_a_gap_and_a_dash(tables: ReportTables) -> None:
    frame = tables.incentives.copy()
    frame.loc[frame["activity"] == "visit", "marginal_receipts"] = math.nan
    figure = incentives.incentives_map(frame, tables.arms, "practice", "resident-scheme", STYLE)
    assert set(figure.data[0].text[0]) == {"–"}
    assert set(figure.data[0].z[0]) == {None}


def test_providers_that_lose_more_than_a_tenth_are_counted_and_named() -> None:
    arms = pd.DataFrame(
        {
            "arm": ["now", "new"],
            "title_en": ["Now", "New"],
            "title_zh": ["今", "新"],
            "is_status_quo": [True, False],
        }
    )
    rows = [
        {
            "arm": arm,
            "replicate": 0,
            "provider": name,
            "kind": "practice",
            "outcome": "revenue",
            "value": value,
        }
        for name, before, after in (("East", 100.0, 89.0), ("West", 100.0, 91.0))
        for arm, value in (("now", before), ("new", after))
    ]
    changes = providers.provider_changes(pd.DataFrame(rows), arms, STYLE)
    assert [(c.name, c.is_losing) for c in changes] == [("East", True), ("West", False)]
    sentence = providers.providers_sentence(changes, arms, STYLE)
    assert sentence == "One of 2 providers loses more than 10% of its revenue under new."
    drawn = providers.providers_strip(changes, arms, STYLE)
    assert "East" in [note.text for note in drawn.layout.annotations]


def test_flows_are_netted_and_hold_no_circle() -> None:
    ledger = pd.DataFrame(
        [
            ("a", "fund", "clinic", "care_payment", 100),
            ("a", "clinic", "fund", "returned", 30),
            ("a", "clinic", "staff", "pay", 60),
            ("a", "staff", "fund", "premium", 20),
        ],
        columns=["arm", "payer", "payee", "purpose", "amount"],
    )
    assert flows.net_flows(ledger, "a") == [
        ("fund", "clinic", 70),
        ("clinic", "staff", 60),
        ("staff", "fund*", 20),
    ]


@pytest.mark.slow
def test_every_drawing_leaves_its_tables_as_they_were(tables: ReportTables) -> None:
    before = {
        name.name: getattr(tables, name.name).copy()
        for name in dataclasses.fields(tables)
        if isinstance(getattr(tables, name.name), pd.DataFrame)
    }
    scorecard(tables.differences, tables.outcomes, tables.arms, "qaly", STYLE)
    gainers.gainers(tables.differences, tables.outcomes, tables.arms, "qaly", "health", STYLE)
    flows.flows_sankey(tables.ledger, tables.arms, "drg", 40.0, STYLE)
    incentives.payers_that_change(tables.incentives, "status-quo")
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, getattr(tables, name))


def test_a_scheme_that_pays_little_is_shown_to_pay() -> None:
    paid = [
        ("premiums", "payer:a", 900),
        *((f"patients:{n}", f"kind:{n}", 800 - n) for n in range(20)),
        ("payer:a", "kind:0", 3),
        ("payer:a", "kind:1", 2),
    ]
    ledger = pd.DataFrame(paid, columns=["payer", "payee", "amount"]).assign(
        arm="status-quo", purpose="claim"
    )
    shown = [flow[:2] for flow in flows.net_flows(ledger, "status-quo")]
    assert ("payer:a", "kind:0") in shown
    assert ("payer:a", "kind:1") not in shown
    assert len(shown) == flows.LARGEST_SHOWN + 1


def test_who_is_shown_to_pay_is_shown_to_be_paid_by_those_who_bring_half_of_it() -> None:
    paid = [
        *((f"from-{n}", f"to-{n}", 1_000 + n) for n in range(flows.LARGEST_SHOWN - 1)),
        ("practice", "purpose:drugs", 900),
        ("fund", "practice", 400),
        ("patients", "practice", 300),
        ("county", "practice", 200),
    ]
    ledger = pd.DataFrame(paid, columns=["payer", "payee", "amount"]).assign(arm="a", purpose="")
    shown = [flow[:2] for flow in flows.net_flows(ledger, "a")]
    assert ("fund", "practice") in shown
    assert ("patients", "practice") in shown
    assert ("county", "practice") not in shown
    assert len(shown) == flows.LARGEST_SHOWN + 2


@pytest.mark.parametrize("outcome", ["qaly", "spending_per_person"])
def test_marks_of_an_axis_keep_apart_beside_long_names(tables: ReportTables, outcome: str) -> None:
    arms = tables.arms.assign(
        title_zh=[f"{n}号方案名称（含高费用极值补偿）" for n in range(len(tables.arms))]
    )
    figure = scorecard(tables.differences, tables.outcomes, arms, outcome, Style("zh", "CNY"))
    names = max(breadth(text) for text in figure.layout.yaxis.ticktext)
    low, high = figure.layout.xaxis.range
    marks, texts = figure.layout.xaxis.tickvals, figure.layout.xaxis.ticktext
    assert len(marks) >= 1
    for n in range(1, len(marks)):
        apart = (PLOT - names) * (marks[n] - marks[n - 1]) / (high - low)
        assert apart >= (breadth(texts[n]) + breadth(texts[n - 1])) / 2


def test_a_stream_that_is_no_longer_among_the_largest_is_smaller_and_not_gone() -> None:
    rest = [(f"from-{n}", f"to-{n}", 100_000 + n) for n in range(flows.LARGEST_SHOWN - 2)]
    today = [*rest, ("patients", "practice", 90_000), ("fund", "practice", 80_000)]
    reform = [
        *rest,
        ("patients", "practice", 70_000),
        ("fund", "practice", 95_000),
        ("other", "elsewhere", 80_000),
    ]
    ledger = pd.concat(
        pd.DataFrame(paid, columns=["payer", "payee", "amount"]).assign(arm=arm, purpose="")
        for arm, paid in (("quo", [*today, ("other", "elsewhere", 79_000)]), ("reform", reform))
    )
    arms = pd.DataFrame(
        {
            "arm": ["quo", "reform"],
            "title_en": ["Status quo", "Reform"],
            "title_zh": ["现状", "改革"],
            "is_status_quo": [True, False],
        }
    )
    told = flows.flows_sentence(ledger, arms, "reform", 1.0, STYLE)
    assert "¥200" in told, told
    assert "less a year from patients to practice" in told
