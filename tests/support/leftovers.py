"""The check of `argosy.testing`, under the name that tests know it by."""

from argosy.testing.leftovers import EMPTY_AT_REST, leftovers

__all__ = ["EMPTY_AT_REST", "leftovers"]
