"""Rows: what users give, as a network learns it. No network and no training."""
