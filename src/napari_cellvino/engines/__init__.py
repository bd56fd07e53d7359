"""What runs a network: batches in, arrays out."""
