"""HTTP models of pictures."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from services.rewards.pictures.domain import MediaType, path_of
from services.rewards.pictures.service import Picture


class PictureView(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "sha256": "9f86d081" * 8,
                "path": f"/api/v1/rewards/pictures/{'9f86d081' * 8}",
                "media_type": "image/webp",
                "size_bytes": 183_204,
            }
        }
    )

    sha256: str = Field(description="填入商品的 pictures For `pictures` of an item")
    path: str
    media_type: MediaType
    size_bytes: int

    @classmethod
    def of(cls, picture: Picture) -> Self:
        return cls(
            sha256=picture.sha256,
            path=path_of(picture.sha256),
            media_type=picture.media_type,
            size_bytes=len(picture.content),
        )
