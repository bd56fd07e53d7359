"""The queue, the picture and the table say the same of every cell of a real field."""

import pandas as pd
import pytest

from napari_cellvino.core.objects import Doubt
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.figures import qc_picture
from napari_cellvino.figures.outlines import is_at_edge, is_doubtful
from napari_cellvino.io import open_source
from napari_cellvino.quality.review_queue import review_queue
from napari_cellvino.results import field_writing
from napari_cellvino.results.field_folder import read_annotation
from napari_cellvino.results.field_result import finish_field
from napari_cellvino.results.schema import ResultKey
from napari_cellvino.segmentation.pipeline import make_pipeline
from napari_cellvino.segmentation.predict_field import predict_field
from napari_cellvino.segmentation.volume import cell_map


@pytest.mark.parametrize("sample", ["plate/A01_s1.ome.tif", "nuclei_stack.ome.tif"])
def test_queue_picture_and_table_agree(sample, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        field_writing, "draw_qc", lambda *args, **how: drawn.append(args[2]) or qc_picture.draw_qc(*args, **how)
    )
    stacked = sample.startswith("nuclei_stack")
    pipeline = make_pipeline(Recipe(z="3d" if stacked else "mip", device="CPU"))
    source = open_source(shipped_folder("sample_data") / sample)
    stack = source.read(source.positions[0])
    with EngineProvider() as engines:
        prediction = finish(predict_field(stack, pipeline, engines))
    field_writing.write_result(tmp_path / "a", finish_field(prediction, pipeline), ResultKey("a", "", 1, 2, "r"))
    annotation = read_annotation(tmp_path / "a")
    queue = review_queue(annotation, foreground_probability=cell_map(prediction.raw, pipeline.package.spec.maps))
    told = {item.id: Doubt(0) for item in queue}
    for item in queue:
        for reason in item.reasons:
            told[item.id] |= reason.doubt
    again = {item.id for item in review_queue(annotation) if item.reasons}
    assert again == {id_ for id_, doubts in told.items() if doubts}, "without the maps, what they told is not lost"
    table = pd.read_csv(tmp_path / "a" / "objects.csv", keep_default_na=False).set_index("id")
    words = {id_: " ".join(d.name.lower() for d in doubts) for id_, doubts in told.items()}
    assert {id_: " ".join(sorted(text.split())) for id_, text in table["doubts"].items()} == {
        id_: " ".join(sorted(text.split())) for id_, text in words.items()
    }
    assert len(set(words.values())) > 2, "several kinds are found, and cells without any"
    marked = dict(zip(drawn[0].id.tolist(), (is_doubtful(drawn[0]) | is_at_edge(drawn[0])).tolist(), strict=True))
    assert marked == {id_: bool(doubts) for id_, doubts in told.items()}
