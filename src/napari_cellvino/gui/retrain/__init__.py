"""The Retrain panel: a model that learned from corrections."""
