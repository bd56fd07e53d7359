"""What is told of all fields of a run: channels that are not the same, where nobody named one."""

import pytest

from napari_cellvino.model_package import find_package
from napari_cellvino.segmentation.seen_size import describe_own_size
from napari_cellvino.workflows.field_notices import notices_of_fields
from napari_cellvino.workflows.field_task import FieldOutcome


def outcome(number, channel, *, status="done", remarks=()):
    row = {
        "file": f"{number}.tif",
        "position": "",
        "folder": str(number),
        "status": status,
        "channel": channel,
        "count": 1,
    }
    return FieldOutcome(number, row, notices=remarks, remarks=remarks)


@pytest.mark.parametrize(
    ("chosen", "channels", "said"),
    [
        ("1", ("DAPI", "GFP", "DAPI"), "channel 1 is not the same in all images: DAPI in 2, GFP in 1"),
        ("", ("DAPI", "GFP"), "the first channel is not the same in all images"),
        ("DAPI", ("DAPI", "dapi"), ""),
        ("1", ("DAPI", "dapi"), ""),
        ("1", ("Channel 1", "DAPI", ""), ""),
    ],
)
def test_a_channel_by_its_number_that_is_another_one_is_told(chosen, channels, said):
    told = notices_of_fields([outcome(number, name) for number, name in enumerate(channels)], chosen)
    assert len(told) == bool(said)
    assert said in "".join(told)


def test_channels_that_were_told_by_their_names_may_be_called_otherwise():
    by_name = ("channel Hoechst is taken for nuclei, by its name",)
    fields = [outcome(1, "DAPI", remarks=by_name), outcome(2, "Hoechst", remarks=by_name)]
    assert notices_of_fields(fields, "") == [*by_name]
    failed = outcome(3, "GFP", status="failed")
    assert notices_of_fields([outcome(1, "DAPI"), failed], "1") == []


def sought(diameter):
    return describe_own_size(diameter, find_package("cells").spec)


def test_sizes_that_differ_from_image_to_image_are_told_as_such_in_one_sentence():
    fields = [outcome(n, "", remarks=sought(px)) for n, px in enumerate((16, 45, 50))]
    failed = outcome(3, "", status="failed")
    assert notices_of_fields([*fields, failed], "") == [
        "Cells are sought as 16 to 50 px across, in each image by itself; "
        "counts and areas of the same kind of cells do not compare so; --diameter sets one for all (their middle: 45)"
    ]
    alike = [outcome(n, "", remarks=(*sought(px), "dim")) for n, px in enumerate((40, 50))]
    assert notices_of_fields(alike, "") == [
        "dim",
        "Cells are sought as 40 to 50 px across, in each image by itself; "
        "--diameter sets one for all (their middle: 45)",
    ]
    same = [outcome(n, "", remarks=sought(40)) for n in range(2)]
    assert notices_of_fields(same, "") == [*sought(40)]


def test_an_image_of_which_no_zoom_is_told_was_seen_at_its_own_size():
    spec = find_package("nuclei-stained").spec
    zoomed = describe_own_size(4 * spec.diameter_px.reference, spec)
    assert notices_of_fields([outcome(1, "", remarks=zoomed), outcome(2, "")], "") == [
        "Images are seen at 0.25 to 1 times their size, in each image by itself; "
        "counts and areas of the same kind of cells do not compare so; --diameter sets one for all"
    ]
