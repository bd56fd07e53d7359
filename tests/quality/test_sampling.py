"""A sample says how many cells there are, and is right as often as it claims."""

from random import Random

import numpy as np
import pytest
from scipy import stats

from napari_cellvino.annotation import EditSession
from napari_cellvino.annotation.tools.add import add_drawn
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.drawing import draw_stroke
from napari_cellvino.annotation.tools.mark import accept, reject
from napari_cellvino.annotation.tools.merge import merge
from napari_cellvino.annotation.tools.split_line import split_by_line
from napari_cellvino.core.errors import OptionError
from napari_cellvino.quality.sampling import Sample, draw_sample, estimate, estimate_f1, wilson
from tests.annotation.conftest import annotate


@pytest.fixture
def annotation():
    """A hundred squares of 6 x 6 px; #1 and #2 touch."""
    labels = np.zeros((100, 100), np.int32)
    for id_ in range(100):
        y, x = divmod(id_, 10)
        labels[10 * y : 10 * y + 6, 10 * x : 10 * x + 6] = id_ + 1
    labels[0:6, 6:10] = 1
    return annotate(labels)


def test_wilson_is_that_of_scipy_for_a_large_population():
    for right, drawn in ((0, 10), (3, 17), (50, 50), (120, 400)):
        ours = wilson(right, drawn, 10**12)
        theirs = stats.binomtest(right, drawn).proportion_ci(0.95, "wilson")
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize(("population", "true", "drawn"), [(200, 180, 50), (1200, 1170, 100), (60, 30, 40)])
def test_the_range_holds_the_truth_as_often_as_it_says(population, true, drawn):
    """Counted over all samples there can be: the number of right ones is hypergeometric."""
    chance = stats.hypergeom(population, true, drawn)
    held = 0.0
    for right in range(drawn + 1):
        interval = wilson(right, drawn, population)
        if interval.low <= true / population <= interval.high:
            held += chance.pmf(right)
    assert held > 0.92


def test_a_sample_is_drawn_at_random_and_again_for_the_same_seed(annotation):
    first = draw_sample(annotation, 20, seed=1)
    assert first == draw_sample(annotation, 20, seed=1) != draw_sample(annotation, 20, seed=2)
    assert (len(set(first.ids)), first.population) == (20, 100)
    assert len(draw_sample(annotation, 500, seed=1).ids) == 100
    EditSession(annotation).commit(add_drawn(annotation, draw_stroke(annotation, [(97, 97)], 1)))
    assert draw_sample(annotation, 500, seed=1).population == 100


def test_what_was_reviewed_is_counted(annotation):
    session, sample = EditSession(annotation), draw_sample(annotation, 50, seed=3)
    session.commit(accept(annotation, sample.ids[:36]))
    session.commit(reject(annotation, sample.ids[36:38]))
    session.commit(delete(annotation, sample.ids[38:40]))
    said = estimate(sample, annotation)
    assert (said.reviewed, said.population) == (40, 100)
    assert said.precision == wilson(36, 40, 100)
    assert said.count.low == pytest.approx(100 * said.precision.low)
    assert "Wilson" in said.method
    assert str(said).startswith("true count 88 ± 8 (95 %), precision ")
    assert str(said).endswith("from 40 of 100 cells")


def test_cells_that_were_reviewed_for_another_reason_are_no_part_of_the_sample(annotation):
    """Doubtful cells were looked at first and rejected: the sample is of all cells, and they are not its first."""
    session, sample = EditSession(annotation), draw_sample(annotation, 50, seed=3)
    session.commit(reject(annotation, sample.ids[30:45]))
    with pytest.raises(OptionError, match="0 .*50"):
        estimate(sample, annotation)
    session.commit(accept(annotation, sample.ids[:10]))
    assert (estimate(sample, annotation).reviewed, estimate(sample, annotation).precision) == (10, wilson(10, 10, 100))
    session.commit(accept(annotation, sample.ids[10:30]))
    assert estimate(sample, annotation).precision == wilson(30, 45, 100)


def test_all_reviewed_is_exact(annotation):
    sample = draw_sample(annotation, 100, seed=3)
    session = EditSession(annotation)
    session.commit(reject(annotation, sample.ids[:7]))
    session.commit(accept(annotation, sample.ids[7:]))
    assert str(estimate(sample, annotation)).startswith("true count 93 ± 0 (95 %), precision 93.0 ± 0.0 %")


def test_split_and_merged_objects_count_as_their_cells(annotation):
    session = EditSession(annotation)
    session.commit(split_by_line(annotation, [(53, 48), (53, 58)]))
    session.commit(merge(annotation, [1, 2]))
    session.commit(accept(annotation, [70, 71, 72, 73]))
    split = next(record.root_ids[0] for record in annotation.records.values() if record.origin.name == "SPLIT")
    said = estimate(Sample((split, 1, 70, 71, 72, 73), 100), annotation)
    assert said.precision == wilson(5, 6, 100)
    assert said.count.middle == pytest.approx(100 * (2 + 0.5 + 4) / 6)
    assert "Student's t" in said.method
    assert said.count.half > 0


def test_the_mean_holds_the_truth_as_often_as_it_says():
    """Objects that are 0, 1 or 2 cells, by chance; each sample is drawn from the same population."""
    truth = np.repeat([0, 1, 2], [20, 150, 30])
    chance, held, tries = Random(5), 0, 300
    from napari_cellvino.quality.sampling import _mean_interval

    for _ in range(tries):
        drawn = np.array(chance.sample(truth.tolist(), 60), float)
        interval = _mean_interval(drawn, len(truth), 0.0)
        held += interval.low <= truth.sum() <= interval.high
    assert 0.9 < held / tries <= 1


def test_too_small_samples_are_refused(annotation):
    with pytest.raises(OptionError, match="1 out of 100"):
        draw_sample(annotation, 1, seed=0)
    with pytest.raises(OptionError, match="0 .*9"):
        estimate(draw_sample(annotation, 9, seed=0), annotation)


def test_the_f1_of_all_lies_where_the_reviewed_say():
    rng, population = np.random.default_rng(2), np.arange(120) < 96  # of 120 cells, 96 are right
    true, held = 2 * 96 / (96 + 120), 0
    for _ in range(400):
        drawn = rng.choice(population, 30, replace=False)
        found = estimate_f1(int(drawn.sum()), int((~drawn).sum()), 90)
        held += found.interval.low <= true <= found.interval.high
    assert held >= 0.93 * 400
    assert estimate_f1(0, 0, 65) is None
    known = estimate_f1(96, 24, 0)
    assert (known.f1, known.interval.low, known.interval.high) == pytest.approx((true, true, true))
    assert str(known) == "F1 of the model 0.89, with all 120 cells reviewed"
    assert "0.95, between 0.77 and 0.99 from 10 of 65 cells reviewed" in str(estimate_f1(9, 1, 55))
