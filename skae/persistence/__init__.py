"""Files of fitted estimators that contain only numbers and text.

A file has the format of safetensors: arrays and a header in JSON. Loading it executes no code, so
that files of unknown origin are safe to load, unlike pickles. A file that was changed or cut off is
refused.
"""

from skae.persistence._files import load, save

__all__ = ["load", "save"]
