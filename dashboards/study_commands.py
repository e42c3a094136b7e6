"""The commands `study` and `calibrate`: a question or a file in, an answer, tables and a page out.

Knows the words a user types; must not know how a study is lived or a page is written. Everything
heavy is imported inside.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.errors import ScenarioError
from sim.terminal import (
    JsonOption,
    Lang,
    LangOption,
    WorkersOption,
    number,
    progress,
    rows_of,
    say,
    table,
    wrapped,
    write,
    write_json,
)

if TYPE_CHECKING:
    from experiments.calibration import Calibration
    from experiments.studies import Size

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add ``study`` and ``calibrate`` to a command line."""
    app.command()(study)
    app.command()(calibrate)


def _size(
    small: bool, region: str | None, population: int | None, draws: int | None, full: Size
) -> Size:
    """Give the size that the options ask for."""
    from dataclasses import replace

    from experiments.studies import SMALL

    found = SMALL if small else full
    given: dict[str, Any] = {"region": region, "people": population, "draws": draws}
    return replace(found, **{name: value for name, value in given.items() if value is not None})


def study(
    name: Annotated[str, typer.Argument(help="Id of a study; without one they are listed.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="Folder for tables and page.")] = None,
    small: Annotated[
        bool, typer.Option("--small", help="A few draws in the tiny region: shows the way only.")
    ] = False,
    region: Annotated[str | None, typer.Option("--region", help="Region of the library.")] = None,
    population: Annotated[
        int | None, typer.Option("--population", help="People of each run.", min=1)
    ] = None,
    draws: Annotated[
        int | None, typer.Option("--draws", help="Draws of the uncertain parameters.", min=1)
    ] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", help="Answer from what was lived by then.", min=0.0)
    ] = None,
    workers: WorkersOption = None,
    lang: LangOption = Lang.EN,
    as_json: JsonOption = False,
) -> None:
    """Answer one question over what is not known: a sentence, tables, figures and a page."""
    from experiments.studies import REAL, live, load_question, questions, summary
    from experiments.studies import write as write_answer

    if not name:
        rows = [load_question(each) for each in questions()]
        if as_json:
            write_json(
                [{"id": q.id, **{f"title_{k}": v for k, v in q.title.items()}} for q in rows]
            )
        else:
            table("", ["id", "question"], [[q.id, q.title[lang.value]] for q in rows])
        return
    question = load_question(name)
    size = _size(small, region, population, draws, question.size(REAL))
    plan = question.plan(size)
    folder = out or Path("studies") / question.id
    folder.mkdir(parents=True, exist_ok=True)
    many = workers is not None and workers > 1
    with progress(question.id) as show:
        lived = live(
            plan,
            folder / "runs.sqlite",
            executor="process" if many else "serial",
            workers=workers,
            minutes=minutes,
            progress=show,
        )
    answer = question.read(lived)
    write_answer(question, lived, answer, folder)
    found = summary(question, lived, answer)
    _write_pages(found, answer.table, answer.more, folder)
    if as_json:
        write_json({**found, "table": rows_of(answer.table)})
    else:
        write(wrapped(answer.sentence[lang.value]))
    say(f"Page and tables: {folder / f'study.{lang.value}.html'}")


def _write_pages(found: dict[str, Any], own: Any, more: Any, folder: Path) -> None:
    from dashboards.study_page import study_html
    from sim.record import outcome_table

    for lang in ("en", "zh"):
        text = study_html(found, own, more, outcome_table(), lang)
        (folder / f"study.{lang}.html").write_text(text, encoding="utf-8")


def calibrate(
    file: Annotated[Path, typer.Argument(help="A file of kind study with a block calibrate.")],
    out: Annotated[Path | None, typer.Option("--out", help="Folder for tables and page.")] = None,
    store: Annotated[
        Path | None, typer.Option("--store", help="Folder that keeps runs and trials; --out's own.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option("--trials", help="Points tried, in place of the file's.", min=1)
    ] = None,
    lang: LangOption = Lang.EN,
    as_json: JsonOption = False,
) -> None:
    """Hold parameters to published numbers, and say what those numbers cannot tell."""
    from dataclasses import replace

    from experiments.calibration import calibrate as fit
    from experiments.calibration import read_problem

    if file.is_dir():
        raise ScenarioError("not a file", where=str(file))
    problem = read_problem(file)
    if trials is not None:
        problem = replace(problem, search=replace(problem.search, trials=trials))
    folder = out or Path("calibrations") / problem.id
    folder.mkdir(parents=True, exist_ok=True)
    with progress(problem.id) as show:
        found = fit(problem, store or folder, show)
    for name, rows in found.tables().items():
        rows.to_csv(folder / f"{name}.csv", index=False, float_format="%.10g")
    _write_calibration_pages(found, folder)
    if as_json:
        write_json(
            {
                "id": problem.id,
                "sentence": found.sentence,
                "misfit_start": found.misfit_start,
                "misfit_best": found.misfit_best,
                "runs": found.runs,
                "parameters": rows_of(found.parameters),
                "targets": rows_of(found.targets),
            }
        )
    else:
        _print_calibration(found, lang.value)
    say(f"Page and tables: {folder / f'calibration.{lang.value}.html'}")


def _write_calibration_pages(found: Calibration, folder: Path) -> None:
    from dashboards.study_page import calibration_html
    from sim.record import outcome_table

    for lang in ("en", "zh"):
        text = calibration_html(
            found.problem.title, found.sentence, found.tables(), outcome_table(), lang
        )
        (folder / f"calibration.{lang}.html").write_text(text, encoding="utf-8")


_HEADS = {
    "en": {
        "parameters": ["parameter", "today", "best", "from", "to", "verdict"],
        "targets": ["target", "published", "simulated", "misfit"],
        "identified": "identified",
        "only_above": "bounded above only",
        "only_below": "bounded below only",
        "not_identified": "not identified",
        "": "–",
    },
    "zh": {
        "parameters": ["参数", "现值", "最优值", "下限", "上限", "判断"],
        "targets": ["目标", "公布值", "模拟值", "偏差（容差倍数）"],
        "identified": "可识别",
        "only_above": "仅有上界",
        "only_below": "仅有下界",
        "not_identified": "不可识别",
        "": "–",
    },
}


def _print_calibration(found: Calibration, lang: str) -> None:
    heads = _HEADS[lang]
    columns = [str(head) for head in heads["parameters"]]
    table(
        "",
        columns,
        [
            [
                str(row[f"label_{lang}"]),
                *(
                    number(float(row[name]), 4)
                    for name in ("start", "best", "interval_low", "interval_high")
                ),
                str(heads[str(row["verdict"])]),
            ]
            for row in rows_of(found.parameters)
        ],
        numbers=(1, 2, 3, 4),
    )
    columns = [str(head) for head in heads["targets"]]
    table(
        "",
        columns,
        [
            [
                str(row["name"]),
                *(number(float(row[name]), 4) for name in ("target", "simulated")),
                number(float(row["misfit"]), 2),
            ]
            for row in rows_of(found.targets)
        ],
        numbers=(1, 2, 3),
    )
    write(wrapped(found.sentence[lang]))
