"""What is told of all fields of a run: channels that are not the same, where nobody named one."""

import pytest

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
