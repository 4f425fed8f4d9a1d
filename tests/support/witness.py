"""The witness of `argosy.testing`, under the name that tests know it by."""

from argosy.testing.outside import Line, Offsets, Where, Witness

__all__ = ["Line", "Offsets", "Where", "Witness"]
