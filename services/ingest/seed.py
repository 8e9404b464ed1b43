"""Registers partners and keys from a file: `python -m services.ingest.seed FILE.json`. Safe to repeat.

The file is a list of partners (services/ingest/partners/seed_file.py: SeedPartner).
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from services.ingest.partners import service
from services.ingest.partners.seed_file import SeedPartner
from services.ingest.settings import Settings, sealer_of
from shared.db import Database
from shared.errors import AppError
from shared.production import Finding, UnsafeSettings, is_reserved_domain, is_weak_secret

_FILE = TypeAdapter(list[SeedPartner])


async def seed(settings: Settings, text: bytes) -> int:
    """Return the number of partners. Raises ValidationError, UnsafeSettings and what `register_partners` raises."""
    partners = _FILE.validate_json(text)
    if settings.profile == "production":
        _refuse_unsafe(partners)
    database = Database(settings.database_url, pool_size=1, application_name="ingest-seed")
    try:
        async with database.transaction() as session:
            await service.register_partners(session, partners=partners, sealer=sealer_of(settings.sealing_keys))
    finally:
        await database.stop()
    return len(partners)


def _refuse_unsafe(partners: Sequence[SeedPartner]) -> None:
    """Refuse partners of examples and of the sandbox. Raises UnsafeSettings with all of them."""
    found = []
    for partner in partners:
        if partner.environment == "sandbox":
            found.append(Finding(partner.partner_id, "沙箱合作方", "a partner of the sandbox"))
        if is_reserved_domain(urlsplit(partner.source).hostname or partner.source):
            found.append(Finding(partner.partner_id, "source 为示例域名", "its source is a domain of examples"))
        found += [
            Finding(f"{partner.partner_id} {key.app_key}", "示例密钥", "a secret from an example")
            for key in partner.keys
            if key.secret is not None and is_weak_secret(key.secret.get_secret_value())
        ]
    if found:
        raise UnsafeSettings(found)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("用法 usage: python -m services.ingest.seed FILE.json", file=sys.stderr)
        return 2
    try:
        count = asyncio.run(seed(Settings(), Path(arguments[0]).read_bytes()))
    except ValidationError as exc:
        # Without the input, which holds secrets.
        for problem in exc.errors(include_input=False, include_url=False):
            print(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}", file=sys.stderr)
        return 1
    except AppError as exc:
        print(f"{exc.title('zh')}：{exc.detail('zh')} {exc.detail('en')}", file=sys.stderr)
        return 1
    print(f"合作方 {count} 家已就绪 partners ready")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
