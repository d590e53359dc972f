"""One fit for all estimators: they decide and return values, the functions here train."""
