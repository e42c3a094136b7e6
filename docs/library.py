"""Write docs/library.md, the table of payment scenarios, from the files themselves.

Knows the library of scenarios; must not hold a text of its own about any of them. Run it after a
scenario was added or its texts changed: ``python docs/library.py``.
"""

from __future__ import annotations

from pathlib import Path

from sim import load
from sim.scenario import library_root

PAGE = Path(__file__).resolve().parent / "library.md"
_TEMPLATE = """# The library of payment scenarios · 支付方式情景库

Written by `python docs/library.py` from `scenarios/payment/`; every file runs, and its comments say
where each number comes from. `payshift incentives ID` shows what a contract rewards,
`payshift compare ID` what follows from it. `tiny-…` are the same reforms for a few hundred people.

本页由情景文件自动生成：每个文件都可直接运行，数字的来源与等级见文件内注释。

| id | title | 名称 |
|---|---|---|
{rows}

{texts}
"""


def ids() -> list[str]:
    """Give the ids of the library's payment scenarios in order."""
    return sorted(file.stem for file in (library_root() / "payment").glob("*.yaml"))


def page() -> str:
    """Give the page as it should stand."""
    rows, texts = [], []
    for name in ids():
        scenario = load(name)
        title, text = scenario.title, scenario.description
        rows.append(f"| `{name}` | {title['en']} | {title['zh']} |")
        if not name.startswith("tiny-"):
            both = (f"**{title['en']}.** {text['en']}", f"**{title['zh']}。** {text['zh']}")
            texts.append("\n\n".join((f"### {name}", *both)))
    return _TEMPLATE.format(rows="\n".join(rows), texts="\n\n".join(texts))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
