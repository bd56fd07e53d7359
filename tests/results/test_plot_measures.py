"""What can be plotted, from the columns of tables."""

import pytest

from napari_cellvino.core.errors import OptionError
from napari_cellvino.results.plot_measures import FIELD, WELL, PlotOffer, cell_measures, field_measures, natural_order

PLANE = ["id", "class", "score", "y0", "centroid_y", "area_px", "equivalent_diameter_px", "eccentricity"]
SCALED = [*PLANE, "area_um2", "equivalent_diameter_um", "centroid_y_um", "mean_dna", "max_dna", "dose", "review"]


def named(*tables):
    return {m.name: (m.column, m.axis) for m in cell_measures(tables)}


def test_sizes_are_in_um_where_every_field_knows_its_scale():
    assert named(SCALED)["area"] == ("area_um2", "Area, µm²")
    assert named(SCALED, SCALED)["diameter"] == ("equivalent_diameter_um", "Equivalent diameter, µm")
    assert named(SCALED, PLANE)["area"] == ("area_px", "Area, px²")
    stack = ["id", "volume_px", "volume_um3", "equivalent_diameter_um", "planes"]
    assert named(SCALED, stack)["area"] == ("area_um2", "Area, µm²")
    assert named(stack)["volume"] == ("volume_um3", "Volume, µm³")
    assert "area" not in named(stack)


def test_every_other_measurement_is_offered_in_words_and_places_are_not():
    found = named(PLANE, [*SCALED, "ring_ratio_gfp", "integrated_dna", "tail_length"])
    assert list(found)[:2] == ["area", "diameter"]
    assert found["mean_dna"] == ("mean_dna", "Mean intensity of dna, grey values")
    assert found["ring_ratio_gfp"][1] == "Nucleus / ring ratio of gfp"
    assert found["tail_length"][1] == "Tail length"
    assert found["score"][1] == "Score of the model, 0 to 1"
    assert not {"id", "y0", "centroid_y", "centroid_y_um", "dose", "review", "area_px", "class"} & set(found)


def test_measures_of_fields_are_those_with_values():
    names = [m.name for m in field_measures({"count", "viability", "density_per_mm2", "touching_edge"})]
    assert names == ["count", "density", "viability"]


def test_an_unknown_name_lists_what_there_is():
    offer = PlotOffer(tuple(cell_measures([SCALED])), (WELL, FIELD))
    assert offer.measure("area") == offer.measure("area_um2") == offer.measure("")
    assert offer.group("") is WELL
    with pytest.raises(OptionError, match=r"'size'.*area, diameter, score, eccentricity, mean_dna"):
        offer.measure("size")
    with pytest.raises(OptionError, match="'plate'.*well, field"):
        offer.group("plate")


def test_groups_are_in_the_order_of_people():
    assert natural_order(["10", "no dose", "0.5", "2.5", "0.25"]) == ["0.25", "0.5", "2.5", "10", "no dose"]
    assert natural_order(["taxol 10", "DMSO", "taxol 2.5"]) == ["DMSO", "taxol 2.5", "taxol 10"]
    assert natural_order(["s10", "S2", "s1"]) == ["s1", "S2", "s10"]
    assert natural_order(["B01", "A12", "A02"]) == ["A02", "A12", "B01"]
    assert natural_order(["", "a"]) == ["", "a"]
