"""Files of fitted estimators that hold numbers and text alone.

A file is in the format of safetensors: arrays, and a header in JSON. Nothing in it is executed when
it is loaded, so that files of strangers do no harm, which cannot be said of pickles. A file that
was changed or cut off is refused.
"""

from skae.persistence._files import load, save

__all__ = ["load", "save"]
