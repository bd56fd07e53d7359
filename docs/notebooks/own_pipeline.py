# %% [markdown]
# # In your own pipeline
#
# Arrays in, label images and tables out: nothing needs a file. The network stays compiled from one image to the next.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from skimage.filters import gaussian
from skimage.segmentation import find_boundaries

from napari_cellvino import EngineProvider, load_model, read_image, segment

stack = read_image("sample_data/nuclei_stack.ome.tif")
print(stack.describe(), "·", stack.describe_spacing())

# %% [markdown]
# Your own step before: here the background is taken off. Your own step after: here the planes are compared.

# %%
nuclei = load_model("nuclei")
pixel = (stack.spacing.y, stack.spacing.x)
rows = []
with EngineProvider() as engines:
    for z in (4, 6, 8):
        plane = stack.plane(z=z).astype(np.float32)
        flat = plane - gaussian(plane, 40)
        found = segment(flat, nuclei, spacing_um=pixel, engines=engines)
        area = found.table["area_um2"].median()
        rows.append({"plane": z + 1, "nuclei": found.count, "median area µm²": area})
pd.DataFrame(rows).round(1)

# %% [markdown]
# Thresholds are tried without the network: its maps are kept and decoded again.

# %%
confidences = (0.5, 0.75, 0.9)
{c: found.with_parameters({"confidence": c}).count for c in confidences}

# %% [markdown]
# Label images are numpy arrays for whatever comes next.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
left.imshow(flat, cmap="gray", vmax=np.percentile(flat, 99.8))
rims = find_boundaries(found.labels)
left.contour(rims, levels=[0.5], colors="tab:orange", linewidths=0.6)
right.imshow(found.foreground_probability, cmap="viridis")
right.set_title("foreground probability")
for axes in (left, right):
    axes.set_axis_off()
