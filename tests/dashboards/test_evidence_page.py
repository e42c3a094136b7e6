"""The page of evidence shows every row of the record, misses and gaps included."""

from __future__ import annotations

from dataclasses import asdict
from typing import cast

import pandas as pd
import pytest
from dash import html

from dashboards.figures.canvas import Style
from dashboards.figures.evidence import REACH, evidence_figure, numbers_of, verdict_sentence
from dashboards.jobs import Jobs
from dashboards.page import Services, Visit
from dashboards.pages import evidence
from dashboards.results import Shelf
from dashboards.settings import Settings
from dashboards.stores import Stores
from dashboards.texts import Reader
from experiments.evidence.joint_record import read_joint
from experiments.evidence.record import read_record


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.DataFrame([asdict(row) for row in read_record().rows])


def _row(light: str, simulated: float, low: float, high: float) -> dict[str, object]:
    return {
        "id": "C1", "label_en": "Services", "label_zh": "服务", "unit": "%", "light": light,
        "published": -6.0, "band_low": -10.0, "band_high": -2.0,
        "simulated": simulated, "low": low, "high": high,
    }  # fmt: skip


def test_a_row_is_drawn_in_half_widths_of_its_band() -> None:
    # Band -10 to -2: middle -6, half-width 4. The model's -4 lies at half a half-width.
    figure = evidence_figure(pd.DataFrame([_row("hit", -4.0, -5.0, -3.0)]), Style())
    marks = [t for t in figure.data if t.mode == "markers"]
    assert [list(t.x) for t in marks] == [[0.0], [0.5]]
    line = next(t for t in figure.data if t.mode == "lines")
    assert list(line.x) == [0.25, 0.75]


def test_what_lies_far_outside_is_an_arrow_at_the_edge() -> None:
    figure = evidence_figure(pd.DataFrame([_row("miss", 40.0, 39.0, 41.0)]), Style())
    mark = figure.data[-1]
    assert list(mark.x) == [REACH]
    assert mark.marker.symbol == "triangle-right"


def test_the_sentence_counts_what_was_simulated() -> None:
    some = pd.DataFrame([_row("hit", -4, -5, -3), _row("miss", 4, 3, 5), _row("none", -4, 0, 0)])
    assert verdict_sentence(some, Style()) == (
        "Of 2 numbers the model hits 1, comes near 0 and misses 1."
    )
    assert "1" in verdict_sentence(some, Style("zh"))


def test_numbers_that_are_missing_are_dashes() -> None:
    row = pd.Series(_row("none", float("nan"), float("nan"), float("nan")))
    texts = numbers_of(row)
    assert (texts["model"], texts["interval"], texts["band"]) == ("–", "–", "−10.00 … −2.00")


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_names_every_finding_and_says_why_something_is_missing(
    lang: str, rows: pd.DataFrame
) -> None:
    # The page reads the record that comes with the package; of the services it asks the shelf.
    shelf = Shelf(lambda key, stage: None)
    services = Services(Settings(), cast(Jobs, None), shelf, cast(Stores, None))
    visit = Visit(Reader(lang), services)
    found = evidence.layout(visit)
    assert evidence.layout(visit) is found, "drawn once for all readers"
    text = str(html.Div(found).to_plotly_json())
    for _, row in rows.iterrows():
        assert str(row["id"]) in text
        assert str(row[f"label_{lang}"]) in text
        if row["light"] == "none":
            assert str(row[f"reason_{lang}"]) in text


def _visit(query: dict[str, str], lang: str = "en") -> Visit:
    services = Services(
        Settings(), cast(Jobs, None), Shelf(lambda key, stage: None), cast(Stores, None)
    )
    return Visit(Reader(lang), services, query)


def test_an_address_chooses_region_and_payment_model(rows: pd.DataFrame) -> None:
    found = str(html.Div(evidence.layout(_visit({"region": "china-city", "model": "dip"}))))
    wanted = evidence.Wanted("china-city", "dip").of(rows)
    assert set(wanted["id"]) == {"C19"}
    assert all(label in found for label in wanted["label_en"])
    assert (wanted["light"] != "none").all()
    assert f"Published numbers shown: {len(wanted)}, every one simulated." in found
    others = set(rows["id"]) - {"C19"}
    assert not [name for name in others if f"'{name}'" in found or f"{name} " in found]


def test_a_choice_leads_to_an_address_with_both_and_the_language(rows: pd.DataFrame) -> None:
    found = str(html.Div(evidence.layout(_visit({"region": "us-metro"}, "zh"))))
    assert "/evidence?lang=zh&region=us-metro&model=drg" in found
    assert "/evidence?lang=zh&region=china-county" in found
    assert "region=us-metro&model=dip" not in found, "no link to nothing"
    # How many rows a link leads to is counted with the other choice kept.
    n = sum(row["region"] == "us-metro" and "drg" in row["models"] for _, row in rows.iterrows())
    place = found.index("/evidence?lang=zh&region=us-metro&model=drg'")
    assert f"（{n}）'" in found[place - 60 : place]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_joint_fit_shows_its_misses_and_only_the_rows_chosen(lang: str) -> None:
    county = [row for row in read_joint().rows if row.region == "china-county"]
    found = str(html.Div(evidence.layout(_visit({"region": "china-county"}, lang))))
    section = found[found.index("evidence-joint") :]
    for row in county:
        assert (row.label_zh if lang == "zh" else row.label_en) in section
        assert Reader(lang).say(f"evidence_light_{row.joint_light}") in section
    assert "evidence-joint" not in str(
        html.Div(evidence.layout(_visit({"model": "consortium"}, lang)))
    )


@pytest.mark.slow
def test_names_that_nobody_knows_ask_for_nothing() -> None:
    visit = _visit({"region": "<script>", "model": "x" * 500})
    found = str(html.Div(evidence.layout(visit)))
    assert "<script>" not in found
    assert str(html.Div(evidence.layout(_visit({})))) == found


def test_two_choices_that_share_nothing_say_so() -> None:
    found = str(
        html.Div(evidence.layout(_visit({"region": "china-city", "model": "shared_savings"})))
    )
    assert Reader("en").say("evidence_no_rows") in found


def test_numbers_of_findings_lead_to_their_publications(rows: pd.DataFrame) -> None:
    found = str(html.Div(evidence.layout(_visit({}))))
    for url in rows["url"].unique():
        # Once in the table and once among the sources.
        assert found.count(f"href='{url}'") >= 2 or url == ""
