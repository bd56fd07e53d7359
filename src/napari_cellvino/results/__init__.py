"""Results on disk: the files of each field and the tables beside them."""
