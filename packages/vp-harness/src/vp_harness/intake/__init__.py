"""Ways into the lake for data that are not there as DBN files yet."""
