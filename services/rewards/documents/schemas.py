"""The answer while a file is being made."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.rewards.documents.service import RETRY_AFTER_S


class FileRequested(BaseModel):
    """The file is being made. Ask again after `retry_after_s`."""

    model_config = ConfigDict(json_schema_extra={"example": {"status": "requested", "retry_after_s": RETRY_AFTER_S}})

    status: Literal["requested"] = "requested"
    retry_after_s: int = RETRY_AFTER_S
