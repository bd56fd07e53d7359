# %% [markdown]
# # Count a folder and plot
#
# Images of a two-channel plate lie in a folder. Each is counted by its DNA channel; the tables say how many nuclei
# there are and how bright the reporter is in each.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from napari_cellvino import run_folder

images = Path("sample_data/plate")
results = run_folder(images, "results", "nuclei", channel="DNA")
counts = results.counts
counts[["folder", "status", "count", "density_per_mm2", "median_area_um2"]]

# %% [markdown]
# A file that cannot be read would stand in `results.failed`, with the reason; the others would be counted all the same.

# %%
len(results.failed)

# %% [markdown]
# Every field has a label image and a table with a row per nucleus. Columns are named by channel.

# %%
tables = {field.name: field.table for field in results}
nuclei = pd.concat(tables, names=["field"])
nuclei.groupby("field")[["area_um2", "mean_dna", "mean_gfp"]].median().round(1)

# %% [markdown]
# The reporter leaves the nucleus as the dose rises: from column 01 (no drug) over 02 to 03.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
left.bar(counts["folder"], counts["count"])
left.set_ylabel("nuclei per field")
gfp = [tables[name]["mean_gfp"] for name in counts["folder"]]
right.boxplot(gfp, tick_labels=counts["folder"])
right.set_ylabel("GFP in the nucleus")
for axes in (left, right):
    axes.tick_params(axis="x", labelrotation=45)

# %% [markdown]
# Look at one before you believe the numbers: `qc.png` beside each label image has the outlines and the numbers of the
# nuclei.

# %%
figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
axes.imshow(plt.imread(results["A01_s1"].folder / "qc.png"))
axes.set_axis_off()
