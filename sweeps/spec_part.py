"""What the parts of a spec have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]


class Part(BaseModel):
    """Base of all parts of a spec: unknown fields are refused, nothing changes after checking."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
