"""Column names are safe and never the same twice."""

from hypothesis import given
from hypothesis import strategies as st

from napari_cellvino.measure.columns import column_names


def test_names():
    assert column_names(["DNA", "dna", "DNA_2", "Ca 2+ (488)", "β-Tubulin", "--"], empty="channel") == (
        "dna", "dna_2", "dna_2_2", "ca_2_488", "β_tubulin", "channel",
    )  # fmt: skip


@given(st.lists(st.text(max_size=4)))
def test_unique_and_safe(names):
    safe = column_names(names)
    assert len(set(safe)) == len(names)
    assert all(name.replace("_", "").isalnum() for name in safe)
