"""What the parts of a spec have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from synaug.errors import Exit

from .spec_yaml import Keys

Count = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1)]


class Part(BaseModel):
    """Base of all parts of a spec: unknown fields are refused, nothing changes after checking."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Finding:
    """Something wrong in a spec."""

    keys: Keys
    message: str
    fix: str | None = None
    exit: Exit = Exit.SPEC
    code: str = "D48"
