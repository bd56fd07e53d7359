"""Labelled images as training sees them: sets, crops, augmentation, targets."""
