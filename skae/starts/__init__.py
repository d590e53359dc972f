"""Linear optima at which networks start: mathematics of arrays, to be read beside the papers."""
