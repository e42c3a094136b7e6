"""Sentences and numbers: what may be called a change, and how each language writes it."""

from __future__ import annotations

import json
import math
import string
from dataclasses import replace

import pytest

from dashboards.figures import words
from dashboards.figures.margin_year import SECTIONS
from dashboards.figures.words import Change
from sim.scenario import library_root, load

SPENDING = {"label": "Spending per person", "unit": "CNY/person-year"}
FALL = Change("a", "spending", "all", 1000.0, 939.0, -61.0, -70.0, -52.0, -0.061)


def test_both_catalogues_have_the_same_keys_and_no_empty_text() -> None:
    english, chinese = words.catalogue("en"), words.catalogue("zh")
    assert set(english) == set(chinese)
    assert all(text.strip() for texts in (english, chinese) for text in texts.values())


def test_every_payer_of_the_library_has_a_name_in_both_languages() -> None:
    payers = {
        payer
        for file in sorted((library_root() / "regions").glob("*.yaml"))
        for payer in load(file.stem).region().payers
    }
    assert {"medicare", "commercial", "resident-scheme", "self-pay"} <= payers
    for lang in ("en", "zh"):
        for payer in payers:
            assert f"payer.{payer}" in words.catalogue(lang), (lang, payer)


def test_both_catalogues_fill_the_same_fields() -> None:
    english, chinese = words.catalogue("en"), words.catalogue("zh")
    for key, text in english.items():
        fields = {name for _, name, _, _ in string.Formatter().parse(text) if name}
        other = {name for _, name, _, _ in string.Formatter().parse(chinese[key]) if name}
        assert fields == other, key


def test_chinese_texts_are_chinese_and_punctuated_as_chinese() -> None:
    for key, text in words.catalogue("zh").items():
        words_only = text.replace("<br>", "")
        assert not any(mark in words_only for mark in ";?"), key
        if len(words_only) > 24:
            assert any("\u4e00" <= letter <= "\u9fff" for letter in words_only), key


def test_catalogues_are_sorted_so_that_changes_are_easy_to_read() -> None:
    for lang in words.LANGUAGES:
        path = words.CATALOGUES / f"{lang}.json"
        keys = list(json.loads(path.read_text(encoding="utf-8")))
        assert keys == sorted(keys)


def test_an_unknown_language_is_refused_with_the_allowed_ones() -> None:
    with pytest.raises(ValueError, match="en, zh"):
        words.catalogue("fr")


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        (120e6, "¥120M", "¥1.2亿"),
        (3.04e8, "¥304M", "¥3亿"),
        (4210.0, "¥4,210", "¥4,210"),
        (-56.4, "−¥56", "−¥56"),
        (999_960.0, "¥1M", "¥100万"),
        (0.0, "¥0", "¥0"),
        (math.nan, "–", "–"),
    ],
)
def test_money_is_written_as_its_reader_writes_it(value: float, english: str, chinese: str) -> None:
    assert words.money(value, "CNY", "en") == english
    assert words.money(value, "CNY", "zh") == chinese


def test_no_amount_of_money_is_written_with_four_digits_and_a_letter() -> None:
    for exponent in range(4, 12):
        for digits in (0.99949, 0.9999, 1.0, 9.996):
            text = words.money(digits * 10.0**exponent, "CNY", "en")
            assert not text[1:].rstrip("KMB").replace(".", "").isdigit() or len(text) <= 6, text


def test_a_clear_change_is_told_with_direction_size_and_interval() -> None:
    text = words.one_change(FALL, "Global budget", SPENDING, "percent", "en", "CNY")
    assert text == "Global budget lowers spending per person by about 6.1% (5.2 to 7.0%)"


def test_an_interval_across_zero_is_no_clear_change() -> None:
    unclear = replace(FALL, low=-130.0, high=8.0)
    text = words.one_change(unclear, "Capitation", SPENDING, "percent", "en", "CNY")
    assert text == "No clear change in spending per person under capitation"


def test_a_tight_interval_needs_no_hedge_and_a_missing_one_always_does() -> None:
    assert words.hedge(replace(FALL, low=-62.0, high=-60.0), "en") == ""
    assert words.hedge(replace(FALL, low=math.nan, high=math.nan), "en") == "about "


def test_a_difference_without_an_interval_is_never_clear() -> None:
    assert not replace(FALL, low=math.nan, high=math.nan).is_clear
    assert not replace(FALL, difference=math.nan).is_known


@pytest.mark.parametrize(
    ("unit", "baseline", "scale"),
    [
        ("share", 0.3, "points"),
        ("months", 0.9, "absolute"),
        ("index", 0.08, "absolute"),
        ("CNY/person-year", 4210.0, "percent"),
        ("CNY/person-year", -31.0, "absolute"),
    ],
)
def test_shares_move_by_points_and_signed_balances_by_amounts(
    unit: str, baseline: float, scale: str
) -> None:
    change = replace(FALL, baseline=baseline, difference=0.01, relative=0.01 / abs(baseline))
    assert words.scale_of([change], unit) == scale


def test_whether_a_change_is_better_depends_on_the_outcome() -> None:
    assert FALL.is_better("lower") is True
    assert FALL.is_better("higher") is False
    assert FALL.is_better("neither") is None


def test_one_sentence_across_arms_names_the_strongest_each_way() -> None:
    other = replace(FALL, arm="b", difference=-20.0, low=-25.0, high=-15.0, relative=-0.02)
    up = replace(FALL, arm="c", difference=30.0, low=29.0, high=31.0, relative=0.03)
    titles = {"a": "Global budget", "b": "Capitation", "c": "DRG"}
    text = words.across_arms([FALL, other, up], titles, SPENDING, "en", "CNY")
    assert text == (
        "Global budget lowers spending per person most, by about 6.1%; DRG raises it by 3.0%."
    )


def test_one_replicate_is_said_to_be_no_answer() -> None:
    lone = replace(FALL, low=math.nan, high=math.nan)
    text = words.across_arms([lone], {"a": "Global budget"}, SPENDING, "en", "CNY")
    assert "One replicate cannot tell" in text


def test_two_levels_are_written_so_that_their_difference_shows() -> None:
    before, after = words.apart(0.52301, 0.52312, "share", "en", "CNY")
    assert before != after
    assert before.startswith("52.3")


def test_a_baseline_near_zero_does_not_lead_the_ranking() -> None:
    about = {"arm": "a", "outcome": "x", "group": "all", "arm_mean": 0.0, "low": -1.0, "high": 0.0}
    balance = words.change_of(
        {**about, "baseline_mean": 0.0005, "difference": -0.0006, "se_unpaired": 0.006}
    )
    assert not math.isfinite(balance.relative)
    assert balance.size < 0.05
    assert FALL.size > balance.size


def test_whatever_has_a_margin_has_a_name_in_both_languages() -> None:
    held = {activity for section in SECTIONS.values() for activity in section}
    assert "spending_after_stay" in held
    for lang in words.LANGUAGES:
        texts = words.catalogue(lang)
        for activity in (*held, "bed_day_band_2"):
            for family in ("activity", "activity_in"):
                assert f"{family}.{activity}" in texts, (lang, activity)
