# %% [markdown]
# # Correct and compare
#
# A model is good or it is not: this notebook corrects what it found with the same steps as the window, saves both, and
# says what was changed. Here the truth is known; it stands in for your eyes.

# %%
import numpy as np
import tifffile

from napari_cellvino import evaluate, open_results, segment
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.mark import accept

found = segment("sample_data/nuclei_stack.ome.tif", "nuclei")
truth = tifffile.imread("sample_data/nuclei_stack_labels.tif")
before = evaluate(found.labels, truth)
print(f"{found.count} found, {before.true} true, F1 {before.f1_50:.3f}")

# %% [markdown]
# Cells that cover nothing true are deleted, those that were right are accepted. A session takes one edit after the
# other; each can be undone.

# %%
session = found.edit(author="me")
wrong = [id_ for id_ in session.annotation.records if not truth[found.labels == id_].any()]
right = [
    id_
    for id_ in session.annotation.records
    if (np.bincount(truth[found.labels == id_])[1:].max(initial=0) > 0.5 * (found.labels == id_).sum())
]
if wrong:
    session.commit(delete(session.annotation, wrong))
session.commit(accept(session.annotation, right))
len(wrong), len(right)

# %% [markdown]
# The corrected result is saved with what the model had found beside it.

# %%
found.save("results", session)
field = open_results("results")["nuclei_stack"]
changes = field.corrections
changes.model_count, changes.corrected_count, changes.untouched

# %%
after = evaluate(field.labels, truth)
print(f"F1 {before.f1_50:.3f} before, {after.f1_50:.3f} after")

# %% [markdown]
# What a person accepted or deleted stays when the model is run again over the same folder.

# %%
field.table.groupby("review").size()
