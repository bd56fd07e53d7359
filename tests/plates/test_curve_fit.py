"""Logistic curves beside scipy's own general fit, written in other parameters; and what is no curve."""

import lmfit
import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.stats import t as student

from napari_cellvino.plates.curve_fit import fit_curve, logistic

DOSES = np.repeat(np.geomspace(0.1, 100, 9), 3)


def responses(noise=2.0, seed=0, hill=1.3, ec50=4.0):
    rng = np.random.default_rng(seed)
    return 10 + 80 / (1 + (ec50 / DOSES) ** hill) + rng.normal(0, noise, len(DOSES))


def test_four_parameters_and_their_intervals_are_those_of_an_independent_fit():
    values = responses()

    def other(dose, low, span, log_ec50, hill):
        return low + span * dose**hill / (dose**hill + np.exp(log_ec50 * hill))

    best, covariance = curve_fit(other, DOSES, values, p0=(0, 100, 1, 1))
    error = np.sqrt(np.diag(covariance)) * student.ppf(0.975, len(values) - 4)
    found = fit_curve(DOSES, values)
    assert found.fitted
    assert not found.outliers.any()
    assert found.ec50.value == pytest.approx(np.exp(best[2]), rel=1e-3)
    assert found.ec50.low == pytest.approx(np.exp(best[2] - error[2]), rel=5e-3)
    assert found.ec50.high == pytest.approx(np.exp(best[2] + error[2]), rel=5e-3)
    assert found.hill.value == pytest.approx(best[3], rel=1e-3)
    assert found.hill.high == pytest.approx(best[3] + error[3], rel=5e-3)
    assert found.top.value == pytest.approx(best[0] + best[1], rel=1e-3)


def test_ec50_is_that_of_lmfit():
    values = responses()
    model = lmfit.Model(lambda x, low, span, log_ec50, hill: low + span / (1 + np.exp(hill * (log_ec50 - np.log(x)))))
    best = model.fit(values, x=DOSES, low=0, span=100, log_ec50=1, hill=1)
    found, reach = fit_curve(DOSES, values), student.ppf(0.975, len(values) - 4) * best.params["log_ec50"].stderr
    middle = best.params["log_ec50"].value
    ends = [found.ec50.low, found.ec50.value, found.ec50.high]
    assert ends == pytest.approx(np.exp([middle - reach, middle, middle + reach]), rel=5e-3)


def test_five_parameters_keep_the_ec50_halfway():
    parameters = np.array([5.0, 95.0, np.log10(3.0), 1.5, np.log(0.4)])
    found = fit_curve(DOSES, logistic(np.log10(DOSES), parameters), parameters=5)
    assert found.ec50.value == pytest.approx(3.0, rel=0.02)
    assert found.asymmetry.value == pytest.approx(0.4, rel=0.1)
    assert found.at(np.array([3.0]))[0] == pytest.approx(50.0, abs=0.5)


def test_falling_curve_has_its_top_below():
    found = fit_curve(DOSES, -responses())
    assert found.top.value < found.bottom.value
    assert found.hill.value > 0


def test_outlier_is_left_out_and_named():
    values = responses()
    values[13] += 60
    found = fit_curve(DOSES, values)
    assert np.flatnonzero(found.outliers).tolist() == [13]
    assert found.ec50.value == pytest.approx(4.0, rel=0.15)


@pytest.mark.parametrize(
    ("dose", "values", "part"),
    [
        (np.repeat([1.0, 10.0, 100.0], 3), np.arange(9.0), "3 doses above 0"),
        (DOSES, np.full(len(DOSES), 7.0), "all values are the same"),
        (DOSES, np.random.default_rng(5).normal(0, 1, len(DOSES)), "a flat line fits as well"),
    ],
)
def test_what_is_no_curve_says_why(dose, values, part):
    found = fit_curve(dose, values)
    assert not found.fitted
    assert part in found.reason
    assert np.isnan(found.ec50.value)


def test_ec50_beyond_the_doses_is_said():
    assert fit_curve(DOSES, responses(noise=0.5, ec50=400.0)).relation == ">"


def test_wells_without_compound_bound_the_bottom():
    dose = np.concatenate([np.zeros(4), DOSES])
    values = np.concatenate([np.full(4, 10.0), responses()])
    assert fit_curve(dose, values).bottom.value == pytest.approx(10, abs=1.5)


@pytest.mark.slow
def test_interval_holds_the_truth_as_often_as_it_says():
    hits = 0
    for seed in range(60):
        found = fit_curve(DOSES, responses(noise=4.0, seed=seed))
        hits += found.ec50.low <= 4.0 <= found.ec50.high
    assert 52 <= hits <= 60


def test_bell_is_doubted():
    rng = np.random.default_rng(0)
    values = 50 + 100 * np.exp(-((np.log10(DOSES / 2) / 0.6) ** 2)) + rng.normal(0, 3, len(DOSES))
    assert any("do not follow the curve" in doubt for doubt in fit_curve(DOSES, values).doubts)
    assert not fit_curve(DOSES, responses()).doubts


def test_curve_between_two_doses_has_an_interval_that_holds_both():
    found = fit_curve(DOSES, responses(noise=1.0, hill=80, ec50=7.0))
    below, above = DOSES[DOSES < 7].max(), DOSES[DOSES > 7].min()
    assert found.ec50.low <= below * 1.001
    assert found.ec50.high >= above * 0.999
    assert np.isnan(found.hill.high)
    assert "steeper than the doses tell" in found.doubts[0]


@pytest.mark.filterwarnings("error")
def test_asymmetry_that_no_dose_tells_has_no_interval():
    found = fit_curve(DOSES, responses(ec50=200.0, hill=1.0), parameters=5)
    assert np.isnan(found.asymmetry.high)
