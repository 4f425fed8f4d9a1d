"""Models and adapters that are built when they are first used.

A process meets few kinds of messages before it serves, and many never: to build them all took a tenth of its start.
What is wrong with a model then shows at its first use, so `tests/unit/schemas/test_late.py` builds each.
"""

from typing import Final

from pydantic import BaseModel, ConfigDict

LATE: Final = ConfigDict(defer_build=True)
"""For an adapter of anything but a model, which has its own."""


class Late(BaseModel):
    """A model that is built when it is first used; not for those that users derive theirs from."""

    model_config = LATE
