"""The values that everything else speaks of: images, plates, objects, recipes, settings, errors."""
