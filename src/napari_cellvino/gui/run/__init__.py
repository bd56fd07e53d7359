"""Panel 2: model, device, Run, and the sliders."""
