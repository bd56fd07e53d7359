# %% [markdown]
# # Correct and compare
#
# A threshold that is too strict misses cells. Here they are put back with the same steps as in the window; the result
# is saved, and what was changed is told. The truth of the sample stands in for your eyes.

# %%
import numpy as np
import tifffile

from napari_cellvino import evaluate, open_results, segment
from napari_cellvino.annotation.tools.add import add_from_map
from napari_cellvino.annotation.tools.mark import accept
from napari_cellvino.core.errors import EditError

truth = tifffile.imread("sample_data/nuclei_stack_labels.tif")
found = segment("sample_data/nuclei_stack.ome.tif", parameters={"confidence": 0.9})
before = evaluate(found.labels, truth)
print(f"{found.count} found, {before.true} true, F1 {before.f1_50:.3f}")

# %% [markdown]
# What is right is accepted. Then each cell that was missed gets a click into its middle: it grows from there over what
# the network said. A session takes one edit after the other, and each can be undone.

# %%
session = found.edit(author="me")
cells = session.annotation
session.commit(accept(cells, list(cells.records)))

refused = 0
for cell in range(1, truth.max() + 1):
    y, x = np.argwhere(truth == cell).mean(axis=0).round().astype(int).tolist()
    if cells.labels[y, x] == 0:
        try:
            session.commit(add_from_map(cells, (y, x), found.foreground_probability))
        except EditError:
            refused += 1
len(cells.records), refused

# %% [markdown]
# The corrected result is saved with what the model had found beside it.

# %%
found.save("results", session)
field = open_results("results")["nuclei_stack"]
after = evaluate(field.labels, truth)
print(f"F1 {before.f1_50:.3f} before, {after.f1_50:.3f} after")

# %%
changes = field.corrections
{
    "model": changes.model_count,
    "corrected": changes.corrected_count,
    "added": changes.count("added"),
    "untouched": changes.untouched,
}

# %% [markdown]
# What a person accepted or added stays when the model is run again over the same folder.

# %%
field.table.groupby(["origin", "review"]).size()
