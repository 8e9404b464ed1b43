"""Publishes versions of the privacy policy from a file: `python -m services.accounts.seed FILE.json`. Safe to repeat.

The file is a list of `{"version", "title_zh", "title_en", "url"?, "effective_from", "accepted_until"?}`. A new version
ends the versions before it at its `effective_from`. A published version never changes.
"""

import asyncio
import sys
from pathlib import Path
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from services.accounts.policies import service
from services.accounts.policies.service import PolicyChanged, PublishedPolicy
from services.accounts.settings import Settings
from shared.db import Database
from shared.language import Text


class SeedPolicy(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: str = Field(pattern=r"^[A-Za-z0-9._-]{1,32}$")
    title_zh: str = Field(min_length=1, max_length=200)
    title_en: str = Field(min_length=1, max_length=200)
    url: str | None = Field(None, pattern=r"^https://\S+$", max_length=500)
    effective_from: AwareDatetime
    accepted_until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.accepted_until is not None and self.accepted_until <= self.effective_from:
            raise ValueError("accepted_until must be later than effective_from")
        return self

    def published(self) -> PublishedPolicy:
        title = Text(self.title_zh, self.title_en)
        return PublishedPolicy(self.version, title, self.url, self.effective_from, self.accepted_until)


_FILE = TypeAdapter(list[SeedPolicy])


async def seed(settings: Settings, text: bytes) -> int:
    """Return the number of new versions. Raises pydantic.ValidationError, PolicyChanged."""
    policies = [policy.published() for policy in _FILE.validate_json(text)]
    database = Database(settings.database_url, pool_size=1, application_name="accounts-seed")
    try:
        async with database.transaction() as session:
            return await service.publish(session, policies)
    finally:
        await database.stop()


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("用法 usage: python -m services.accounts.seed FILE.json", file=sys.stderr)
        return 2
    try:
        count = asyncio.run(seed(Settings(), Path(arguments[0]).read_bytes()))
    except ValidationError as exc:
        for problem in exc.errors(include_url=False):
            print(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}", file=sys.stderr)
        return 1
    except PolicyChanged as exc:
        print(f"版本 {exc} 已发布且内容不同，请发布新版本 was published otherwise: publish a new one", file=sys.stderr)
        return 1
    print(f"新发布 {count} 版 new versions published")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
