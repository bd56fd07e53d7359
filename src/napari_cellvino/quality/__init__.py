"""How good a result is: agreement with a truth, doubts, the review queue, samples, corrections."""
