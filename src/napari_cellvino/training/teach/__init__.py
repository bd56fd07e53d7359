"""From a few strokes of a person to a model package: what the shipped networks see, and a small learner on top.

No torch: the networks are run by OpenVINO, and the learner is a logistic regression. Both become one network, so that
a taught model runs wherever another model does, also when the networks that it was made of are replaced by newer ones.
"""
