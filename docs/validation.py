"""Write docs/validation.md: published findings beside the model, from the record of evidence.

    python docs/validation.py

Knows the record and how the page reads; must not know how anything was simulated.
"""

from __future__ import annotations

import math
from pathlib import Path

from dashboards.figures.words import three_digits
from experiments.evidence.joint_record import JointRecord, JointRow, read_joint
from experiments.evidence.record import LIGHTS, Record, Row, read_record

PAGE = Path(__file__).with_name("validation.md")
WORDS = {"hit": "● hit", "near": "◐ near", "miss": "○ miss", "none": "– not simulated"}
GRADES = {
    "seen": "seen in the publication",
    "computed": "computed from public data",
    "unnamed": "numbers seen in a publication that was not written down; a paper cited is inferred "
    "from them, to be checked",
    "recalled": "recalled, to be checked",
}
USES = {
    "fit": "Targets of calibration: parameters were moved for most (not for stays one by one "
    "under C5), so a hit is no proof",
    "unseen": "Not fitted: nothing was moved for these",
    "demonstration": "A demonstration: an uncontrolled study",
    "rule": "Taken over as a rule",
}

HEAD = """# Validation: published findings beside the model

Does the model repeat what was found? Every row is a published number, the band in which the model
counts as hitting it, and what the model gives. Bands were fixed before anything was run. Misses
stay in the table.

```console
$ payshift evidence --show                          # this table, nothing is run
$ payshift evidence policies C13 --replicates 10    # one reform; goes on where it was stopped
$ payshift evidence --out my-record                 # everything, into a record of your own
```

- **hit**: the mean is inside the band and, where a sign is asked, nine tenths of the seeds have
  it.
- **near**: outside, but the sign is right and the band no farther than it is wide; for a level,
  the interval touches the band.
- **miss**: everything else. **not simulated**: the reason stands in the row. Reasons for misses
  are readings of the mechanism, not tests of it.

An interval is that of the mean over seeds, at the region's own parameters; it does not cover what
is not known about them. Reforms were lived with the seeds that stand beside each number
(`payshift evidence policies --seeds 30`). The whole record with ten seeds, C15's half a million
persons included, took four minutes on two cores; a run goes on where it was stopped. At the
region's own parameters nothing is fitted to a reform but C17:
they are fitted to the baselines, one set for all studies of a region. Starting values of several
parameters come from a prototype whose author knew these studies, so "not fitted" means that nothing
was moved here for the sake of the row. What a fit to all studies gives, and to all but each,
[stands below](#fitted-together-and-each-study-unseen).

"""

TAIL = """## The laboratory

The physicians' experiment is answered by the model's own rule of choice, exactly: no luck is
drawn. `payshift evidence laboratory` also says which mixtures of physicians the two published
means leave open. They identify none of its four numbers: any share of the selfish from none to a
half, with fitting altruism and precision, gives both means. Single choices would: drawn from a
known mixture, those of as many physicians as in the experiment bound all four on both sides. With
data of your own (columns `physician`, `payment`, `illness`, `type`, `quantity`):

```console
$ payshift evidence laboratory --choices choices.csv
$ payshift evidence laboratory --experiment my-payoffs.yaml
```

Payoffs are a file of `kind: experiment`; payments are sums of parts (`lump_sum`, `per_service`,
`schedule`, `of` and `share`, `bonus` and `within`), so linear fees, mixed payment and bonuses
need no code. Copy `experiments/evidence/payoffs/linear-and-mixed.yaml`.

## The insurance experiment

Everybody insured under 65 lives one year under free care, 25 % and 95 % coinsurance in twin
worlds (`payshift evidence demand`). The metro market's parameters of demand are fitted to the
three plans, and to nothing else: the weight of a price, the payment that weighs half of the most
any can, the mixture of today's price and the year's, how alike places of care are, how many
episodes pass without care, and what return visits make of a price.

Before, a price weighed in proportion to income and visits fell by a twentieth where they had
fallen by a third; a larger weight alone got no farther (sum of squared misfits 416 to 258). In the
experiment two thirds of what people gave up under 95 % they had given up under 25 %, so payments
are now felt with diminishing sensitivity, as money is by providers.

What is still missed is whether people seek any care in a year: nearly all of the misfit that is
left (146 of 164). `--fit` comes to 15 where most episodes pass without care (`seek_constant` -1,
the end of its range; 2 seeds of 5,000 people). There the visits of the old, who have one acute slot
like everybody, were not reached by any scale of need that was tried. The default is a point at
which the baseline and the other twelve numbers hold. Use of any care is lower here than in the
experiment to begin with (.70 against .87 under free care): need is concentrated in fewer people, so
that spending spreads and lasts as it does.

Contacts against intensity: most of the fall is in visits and admissions; a charge per visit falls
by a sixth as people move to cheaper places of care, a charge per stay rises a little, since the
light ones stay away.

## Adding a finding

Copy a file of `experiments/evidence/findings/`. It states the source, the published number with
its interval, the band, and one way to ask the model: `laboratory`, `trial`, `baseline`, `reform`
or `stays` (what a study reads of single stays; the measures are told in
`experiments/evidence/stays.py`). `models` and `region` let readers find it. A reform names a
control and a treated world (a scenario, with another contract if need be), the months to be read
and the estimator of its study: `difference-in-differences`,
`interrupted-series` or `before-after`. `card` sets published observables in both worlds, never a
parameter; a test holds the files of the package to that.

```console
$ payshift validate my-finding.yaml
$ payshift evidence policies ./my-finding.yaml
```

Both worlds are the same people with the same luck, so the months before the reform are identical
and little noise is left. No rule, parameter or branch of the simulator exists for one study:
findings are data, and `experiments/evidence/reforms.py` treats them all alike.

## What the model should not be used for

Forecasts of one place, effects in studies marked as misses, working time in hospitals (not in the
model), and anything that hangs on families or on ceilings of own payment by income.
"""


def number(value: float) -> str:
    """Write a number with as many decimals as its size needs; nothing where there is none."""
    return three_digits(value) if math.isfinite(value) else ""


def pair(low: float, high: float) -> str:
    """Write a range."""
    return f"{number(low)} to {number(high)}" if math.isfinite(low) and math.isfinite(high) else ""


def line(row: Row) -> str:
    """Write one row of the table."""
    runs = f"{row.seeds} × {row.people:,}" if row.seeds else ""
    told = row.reason_en.replace("|", "/")
    verdict = WORDS[row.light] + (f": {told}" if told else "")
    cells = (
        row.id,
        f"{row.label_en}, {row.unit}" if row.unit else row.label_en,
        number(row.published),
        pair(row.band_low, row.band_high),
        number(row.simulated),
        pair(row.low, row.high) if row.low != row.high else "exact",
        runs,
        verdict,
    )
    return "| " + " | ".join(cells) + " |"


JOINT = """## Fitted together, and each study unseen

One set of parameters a region, fitted to its baseline and all its reforms at once (*fitted
together*); and for each study the set fitted to all the others (*unseen*). Both are lived anew;
what is told is lived, never guessed. No default of the model was moved. How it is done:
[docs/calibration.md](calibration.md#one-set-for-all-studies).

```console
$ payshift evidence joint --show                    # this table
$ payshift evidence joint --region china-county     # one region; goes on where it was stopped
$ payshift evidence policies C18 --fitted           # one study at the joint set of its region
```

"""


READING = """What these fits say, as we read them:

- **Seven studies of eleven are inside all their bands unseen**: C10, C11, C12, C14, C15, C16 and
  C18, as many as this project asks of itself. The own parameters, fitted to baselines alone (and
  C17), have seen none of these studies and hit the same seven; fitting together does not beat them,
  so no default was moved.
- Four of the seven were missed before, and were mended in general after that was seen: what a
  contract pays back of a day's cost now counts in how long patients are kept (C10), a minute of a
  physician costs what visits as charged earn in it, and the minutes wished come from surveys (C12),
  a bundle is lived by as many people as its market has and read as a payer by case pays (C15), and
  what coding costs a hospital follows from audits that coded Medicare's charts anew (C14): 5 % of
  stays were billed too high and 7 % too low, where the market had 1.5 and 6 %. What surveys and
  audits say are the only values that were moved, but nobody can say that the misses were not known.
- **City.** What leaves days in a stay (more altruism) also leaves charges in it: fitted together
  the stay falls by 3.7 %, close to its band, charges stay inside theirs, and own payment falls too
  little (C13). The design reaches the band of the stay since the last days of a stay bring what
  they do in China's tariffs. What the points budget does (C19) is less than the luck of 3,000
  persons, so it was held.
- **What was paid before decides C19.** Its city is not named. Here hospitals are paid item fees
  under soft totals before, as Chinese cities were in 2022: points then bring no more for items in a
  stay, and a little more for a stay. Had they been paid one sum a stay, the same for every disease,
  the same parameters give all three published directions: admissions -5.0 %, weight +1.4 %, charges
  +12.8 % (30 x 10,000; [the file](examples/points-after-a-flat-sum.yaml) says how). Plain item fees
  before, the other past asked, give +.4, +.3 and -2.7 % (10 x 10,000). That is a reading, not a
  hit: whoever knows the study may tell.
- **County.** C18 is hit by a set that only C17 was fitted to. It is not unseen in every sense:
  that large sums are felt ever less in needless care as well was asked of the model from the
  beginning, but mended only when this study had been missed (by -74 %). No point of the design is
  far inside the band of C17: most of what better control saves comes later than the first year.
- **Metro.** C10, C11 and C12 answer to the parameters, and their bands are kept. C9, C14, C15
  and C16 were held: one run of all persons of the record a point does not show what moves them.
  Designs are of at most 20,000 persons; what is told of C15 was lived by 500,000, of C16 by 40,000.
- **Baselines** were solved for anew at every set; one moment of each region is lost all the same.

"""


def with_light(value: float, low: float, high: float, light: str) -> str:
    """Write a number with its interval and verdict; a dash where there is none."""
    if not math.isfinite(value):
        return "–"
    interval = f" ({pair(low, high)})" if math.isfinite(low) else ""
    return f"{WORDS[light][0]} {number(value)}{interval}"


def joint_line(row: JointRow) -> str:
    """Write one row of the table of the joint fit."""
    cells = (
        row.id,
        f"{row.label_en}, {row.unit}" if row.unit else row.label_en,
        number(row.published),
        pair(row.band_low, row.band_high),
        with_light(row.record, math.nan, math.nan, row.record_light),
        with_light(row.unseen, row.unseen_low, row.unseen_high, row.unseen_light),
        with_light(row.joint, row.joint_low, row.joint_high, row.joint_light),
        f"{max(row.explained, 0.0):.2f}",
        pair(row.reach_low, row.reach_high) if row.reach_low < row.reach_high else "–",
        f"{row.seeds} × {row.people:,}",
    )
    return "| " + " | ".join(cells) + " |"


def hits(rows: list[JointRow], which: str) -> str:
    """Count numbers, and studies all of whose numbers are hit."""
    lights = [getattr(row, f"{which}_light") for row in rows]
    studies = {row.id for row in rows}
    missed = {row.id for row, light in zip(rows, lights, strict=True) if light != "hit"}
    return (
        f"{lights.count('hit')} of {len(rows)} numbers "
        f"({len(studies - missed)} of {len(studies)} studies in all of theirs)"
    )


def joint_section(record: JointRecord) -> str:
    """Write the part of the page on the joint fit."""
    rows = [row for row in record.rows if row.unseen_light]
    text = JOINT
    text += (
        f"Hit at the region's own parameters: {hits(rows, 'record')}; unseen: "
        f"{hits(rows, 'unseen')}; fitted together: {hits(rows, 'joint')}.\n\n"
    )
    text += (
        "| id | what | published | band | own parameters | unseen (95 %) | fitted together (95 %) "
        "| explained | reach | seeds × people |\n|---|---|---:|---|---:|---|---|---:|---|---|\n"
    )
    text += "\n".join(joint_line(row) for row in record.rows) + "\n\n"
    text += (
        "Explained: the share of the variance of runs not shown that the parameters account for "
        "in the surface that stands in for the simulator; below .1 the number was held at the "
        "record's figure while fitting, since nothing was seen to move it beyond luck. Reach: the "
        "least and largest value among the points of the design, whose ranges are the documented "
        "ones.\n\n"
    )
    wrong = [row for row in rows if row.has_wrong_sign]
    if wrong:
        told = "; ".join(f"{row.id} {row.label_en} {number(row.joint)}" for row in wrong)
        text += f"Of the wrong sign when fitted together: {told}.\n\n"
    beyond = [row for row in rows if not row.is_reachable]
    if beyond:
        told = "; ".join(
            f"{row.id} {row.label_en} ({pair(row.reach_low, row.reach_high)} against "
            f"{pair(row.band_low, row.band_high)})"
            for row in beyond
        )
        text += (
            f"Bands that no point of the design reaches: {told}. A mechanism is likely missing.\n\n"
        )
    text += READING
    for region, about in record.about.items():
        moments = [one for one in record.moments if one.region == region]
        before = {one.id for one in moments if one.is_in(one.record)}
        after = {one.id for one in moments if one.is_in(one.joint)}
        lost = [
            f"{one.id} {number(one.joint)} ({pair(one.low, one.high)})"
            for one in moments
            if one.id in before - after
        ]
        won = [one.id for one in moments if one.id in after - before]
        text += (
            f"**{region}** ({about['points']} points): of {len(moments)} moments of the baseline "
        )
        text += (
            f"{len(before)} lie in their bands at its own parameters, {len(after)} at the joint "
        )
        text += "set."
        text += f" Lost: {'; '.join(lost)}." if lost else ""
        text += f" Won: {', '.join(won)}." if won else ""
        text += "\n\n| parameter | range | own | fitted together | unseen, lowest to highest |\n"
        text += "|---|---|---:|---:|---|\n"
        for one in record.parameters:
            if one.region == region and one.is_structural:
                others = list(one.without.values()) or [math.nan]
                text += (
                    f"| `{one.id}` | {pair(one.low, one.high)} | {number(one.default)} | "
                    f"{number(one.joint)} | {pair(min(others), max(others))} |\n"
                )
        text += "\n"
    return text


def page(record: Record, joint: JointRecord) -> str:
    """Write the page of a record and of the joint fit."""
    text = HEAD
    counts = ", ".join(f"{record.count(light)} {WORDS[light][2:]}" for light in LIGHTS)
    text += f"Of {len(record.rows)} numbers: {counts}.\n\n"
    for use, title in USES.items():
        rows = [row for row in record.rows if row.use == use]
        if not rows:
            continue
        text += f"## {title}\n\n"
        text += (
            "| id | what | published | band | model | 95 % interval | seeds × people | verdict |\n"
        )
        text += "|---|---|---:|---|---:|---|---|---|\n"
        text += "\n".join(line(row) for row in rows) + "\n\n"
        sources = dict.fromkeys((row.id, row.citation, row.url, row.grade) for row in rows)
        for name, citation, url, grade in sources:
            text += f"- {name}: {citation.rstrip('.')} ({GRADES[grade]}). {url}".rstrip() + "\n"
        text += "\n"
    return text + joint_section(joint) + TAIL


if __name__ == "__main__":
    PAGE.write_text(page(read_record(), read_joint()), encoding="utf-8")
