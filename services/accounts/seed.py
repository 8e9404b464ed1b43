"""Publishes versions of the policy texts from a file: `python -m services.accounts.seed [FILE]`. Safe to repeat.

The file is a YAML or JSON list of `{"family"?, "version", "title_zh", "title_en", "url"?, "effective_from",
"accepted_until"?, "renew_by"?}`; without a name it is `policies/published.yaml`. A new version ends the versions of its
family before it at its `effective_from`. At `renew_by`, consents to them end. A published version never changes.
"""

import asyncio
import sys
from pathlib import Path
from typing import Self

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from services.accounts.policies import service
from services.accounts.policies.domain import FAMILIES, GENERAL
from services.accounts.policies.service import (
    RENEWAL_NOTICE_MIN,
    PolicyChanged,
    PolicyNoticeTooShort,
    PublishedPolicy,
)
from services.accounts.settings import Settings
from shared.db import Database
from shared.language import Text


class SeedPolicy(BaseModel):
    model_config = ConfigDict(extra="forbid")

    family: str = Field(GENERAL, pattern=rf"^({'|'.join(FAMILIES)}|partner:[A-Za-z0-9._-]{{1,64}})$")
    version: str = Field(pattern=r"^[A-Za-z0-9._-]{1,32}$")
    title_zh: str = Field(min_length=1, max_length=200)
    title_en: str = Field(min_length=1, max_length=200)
    url: str | None = Field(None, pattern=r"^https://\S+$", max_length=500)
    effective_from: AwareDatetime
    accepted_until: AwareDatetime | None = None
    renew_by: AwareDatetime | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.accepted_until is not None and self.accepted_until <= self.effective_from:
            raise ValueError("accepted_until must be later than effective_from")
        if self.renew_by is not None and self.renew_by < self.effective_from + RENEWAL_NOTICE_MIN:
            raise ValueError(f"renew_by must be {RENEWAL_NOTICE_MIN.days} days later than effective_from, or more")
        return self

    def published(self) -> PublishedPolicy:
        title = Text(self.title_zh, self.title_en)
        dates = self.effective_from, self.accepted_until
        return PublishedPolicy(self.version, title, self.url, *dates, self.family, self.renew_by)


_FILE = TypeAdapter(list[SeedPolicy])
OWN_FILE = Path(__file__).parent / "policies" / "published.yaml"


async def seed(settings: Settings, text: bytes) -> int:
    """Return the number of new versions.

    Raises yaml.YAMLError, pydantic.ValidationError, PolicyChanged, PolicyNoticeTooShort.
    """
    policies = [policy.published() for policy in _FILE.validate_python(yaml.safe_load(text))]
    database = Database(settings.database_url, pool_size=1, application_name="accounts-seed")
    try:
        async with database.transaction() as session:
            return await service.publish(session, policies)
    finally:
        await database.stop()


def main(arguments: list[str]) -> int:
    if len(arguments) > 1:
        print("用法 usage: python -m services.accounts.seed [FILE.yaml]", file=sys.stderr)
        return 2
    try:
        count = asyncio.run(seed(Settings(), Path(arguments[0] if arguments else OWN_FILE).read_bytes()))
    except yaml.YAMLError as exc:
        print(f"文件不是 YAML 或 JSON not YAML or JSON: {exc}", file=sys.stderr)
        return 1
    except ValidationError as exc:
        for problem in exc.errors(include_url=False):
            print(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}", file=sys.stderr)
        return 1
    except PolicyChanged as exc:
        print(f"版本 {exc} 已发布且内容不同，请发布新版本 was published otherwise: publish a new one", file=sys.stderr)
        return 1
    except PolicyNoticeTooShort as exc:
        days = RENEWAL_NOTICE_MIN.days
        print(f"版本 {exc} 须提前 {days} 天公布 needs {days} days between publication and renew_by", file=sys.stderr)
        return 1
    print(f"新发布 {count} 版 new versions published")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
