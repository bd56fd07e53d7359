"""Controls, corrections, hits and curves of a plate."""

import numpy as np
import pandas as pd
import pytest

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import Well
from napari_cellvino.plates.corrections import PlateCorrection, corrected, median_polish
from napari_cellvino.plates.dose_response import AnswerChoices, answer, content_table, curve_table
from napari_cellvino.plates.screening import Scale, compare, control_quality, false_discovery_rates, scaled


def plate(seed=0):
    """Column 1 negative, column 12 positive; rows A to D a compound that works, E to H one that does nothing."""
    rng = np.random.default_rng(seed)
    lines = []
    for row in range(8):
        for column in range(12):
            control = {0: "negative", 11: "positive"}.get(column, "")
            dose = None if control else 0.1 * 2.0 ** (column - 1)
            compound = "" if control == "negative" else "strong" if control or row < 4 else "inert"
            full = 100 if control == "positive" else 0 if control or row >= 4 else 100 / (1 + (1.6 / dose) ** 1.5)
            lines.append(
                {"plate": "p", "well": Well(row, column).name, "compound": compound, "dose": dose, "control": control,
                 "count": 50 + full + rng.normal(0, 3)}
            )  # fmt: skip
    return pd.DataFrame(lines)


def test_median_polish_takes_rows_and_columns_off():
    rows, columns = np.array([0.0, 2.0, -1.0]), np.array([1.0, 0.0, -3.0, 4.0])
    grid = 10 + rows[:, None] + columns[None]
    grid[1, 2] += 7
    overall, by_row, by_column, rest = median_polish(grid)
    assert overall == pytest.approx(10 + np.median(rows) + np.median(columns))
    assert by_row - by_row[0] == pytest.approx(rows - rows[0])
    assert by_column - by_column[0] == pytest.approx(columns - columns[0])
    assert rest[1, 2] == pytest.approx(7)
    assert np.count_nonzero(np.abs(rest) > 1e-9) == 1


def test_b_score_finds_the_well_that_a_gradient_hides():
    rng = np.random.default_rng(1)
    rows, columns = np.divmod(np.arange(96), 12)
    values = 20.0 * rows + 5 * columns + rng.normal(0, 1, 96)
    values[30] += 12
    scores = corrected(values, rows, columns, np.ones(96, bool), PlateCorrection.B_SCORE)
    assert np.argmax(np.abs(scores)) == 30
    assert scores[30] > 5


def test_rim_is_shifted_to_the_inside():
    rows, columns = np.divmod(np.arange(96), 12)
    rim = (rows % 7 == 0) | (columns % 11 == 0)
    values = np.where(rim, 80.0, 100.0)
    assert np.ptp(corrected(values, rows, columns, np.ones(96, bool), PlateCorrection.EDGE)) == 0


def test_controls_by_hand():
    positive, negative = np.array([9.0, 10.0, 11.0]), np.array([0.0, 1.0, 2.0])
    found = control_quality(positive, negative)
    assert found.z_prime == pytest.approx(1 - 3 * 2 / 9)
    assert found.ssmd == pytest.approx(9 / np.sqrt(2))
    assert scaled(np.array([1.0, 10.0, 5.5]), positive, negative, Scale.PERCENT).tolist() == [0, 100, 50]
    assert scaled(np.array([2.0]), positive, negative, Scale.FOLD).tolist() == [2]


def test_false_discovery_rates_by_hand():
    rates = false_discovery_rates(np.array([0.01, np.nan, 0.04, 0.03]))
    assert rates[[0, 2, 3]] == pytest.approx([0.03, 0.04, 0.04])
    assert np.isnan(rates[1])


def test_single_well_is_judged_by_its_distance():
    negative = np.random.default_rng(0).normal(0, 1, 20)
    assert compare(np.array([8.0]), negative).p_value < 1e-5
    assert compare(np.array([0.5]), negative).p_value > 0.3


def test_plate_answers():
    found = answer(plate(), AnswerChoices(scale=Scale.PERCENT))
    curves = curve_table(found).set_index("compound")
    assert curves.loc["strong", "ec50_low"] < 1.6 < curves.loc["strong", "ec50_high"]
    assert not curves.loc["inert", "fitted"]
    assert "flat line" in curves.loc["inert", "reason"]
    hits = {(hit.compound, hit.dose) for hit in found.hits}
    assert {compound for compound, _ in hits} == {"strong"}
    assert ("strong", 51.2) in hits
    assert found.quality["p"].z_prime > 0.6
    assert len(content_table(found)) == 21


def exchanged(table):
    return table.assign(control=table["control"].replace({"negative": "positive", "positive": "negative"}))


def test_exchanged_controls_are_told():
    inert = plate()[lambda rows: rows["compound"] != "strong"]
    none = pd.concat([inert, plate()[lambda rows: rows["control"] == "positive"]])
    for table in (plate(), none):
        for scale in Scale:
            assert not any("exchanged" in said for said in answer(table, AnswerChoices(scale=scale)).notices)
            assert any("exchanged" in said for said in answer(exchanged(table), AnswerChoices(scale=scale)).notices)


@pytest.mark.parametrize(
    ("table", "choices", "part"),
    [
        (plate(), AnswerChoices(measure="area"), "no 'area'; they have count"),
        (plate().assign(compound=""), AnswerChoices(), "no compounds"),
        (plate().assign(count=np.nan), AnswerChoices(), "no well has a value of 'count'"),
        (plate().assign(control=""), AnswerChoices(scale=Scale.PERCENT), "negative and positive controls"),
    ],
)
def test_what_cannot_be_answered_is_said(table, choices, part):
    with pytest.raises(OptionError, match=part):
        answer(table, choices)


def told(table, **choices):
    return "\n".join(answer(table, AnswerChoices(**choices)).notices)


def test_wells_that_cannot_be_scaled_are_told():
    two = pd.concat([plate(), plate(1).assign(plate="q")])
    lacking = two[~((two["plate"] == "q") & (two["control"] == "positive"))]
    assert "q: no positive control has a value" in told(lacking, scale=Scale.PERCENT)
    flat = plate().assign(count=7.0)
    assert "same median" in told(flat, scale=Scale.PERCENT)
    assert "negative controls are 0" in told(plate().assign(count=0.0), scale=Scale.FOLD)
    assert "all 8 negative controls are 7" in told(flat)
    found = answer(flat, AnswerChoices(scale=Scale.PERCENT))
    assert [curve.fit.reason for curve in found.curves] == ["no well has a response"] * 2
    some = plate()
    some.loc[some["well"].isin(["B02", "C02"]), "count"] = np.nan
    assert "p: no count in B02, C02, which are left out" in told(some)


def test_controls_that_overlap_are_told():
    mixed = plate()
    mixed.loc[mixed["well"].isin(["A01", "B01"]), "count"] = 150.0
    assert "controls overlap (Z' -" in told(mixed)
    assert "overlap" not in told(plate())


def test_plates_that_differ_are_told():
    two = pd.concat([plate(), plate(1).assign(plate="q", count=lambda rows: 3 * rows["count"])])
    assert "plates differ: the negative controls of p" in told(two)
    assert "plates differ" not in told(two, scale=Scale.PERCENT)
    assert not told(pd.concat([plate(), plate(1).assign(plate="q")]))


def test_corrections_that_cannot_be_made_are_told():
    with pytest.raises(OptionError, match="p: b-score needs samples in 4 rows and 4 columns"):
        answer(plate().query("well.str[0] in ('A', 'B')"), AnswerChoices(correction=PlateCorrection.B_SCORE))
    rows = plate().query("well.str[0] in ('A', 'B')")
    assert "0 inside are too few" in told(rows, correction=PlateCorrection.EDGE)
    assert "each column has one dose" in told(plate(), correction=PlateCorrection.B_SCORE)


def test_curves_of_chance_are_doubted():
    dose, rng = np.geomspace(0.1, 50, 10), np.random.default_rng(3)
    few = 50 + 6 * (dose > 2) + rng.normal(0, 1, 10)  # p = 0.03 alone
    compounds = {"few": few, **{f"c{n}": 50 + rng.normal(0, 1, 10) for n in range(3)}}
    rows = [
        {"plate": "p", "well": Well(n, i).name, "compound": name, "dose": dose[i], "control": "", "count": values[i]}
        for n, (name, values) in enumerate(compounds.items())
        for i in range(10)
    ]
    curve = answer(pd.DataFrame(rows), AnswerChoices()).curves[0]
    assert curve.fit.fitted
    assert curve.q_value == pytest.approx(4 * curve.fit.p_value, rel=0.01)
    assert "chance gives such a curve" in curve.doubts[-1]
    assert not answer(pd.DataFrame(rows[:10]), AnswerChoices()).curves[0].doubts
