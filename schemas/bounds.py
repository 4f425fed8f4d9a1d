"""What numbers of settings may be."""

from typing import Annotated

from pydantic import Field

Positive = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
