"""Publish the shipped library and name the first receivers of spent grams: `python -m services.accounting.seed`.

Repeatable: published documents and existing receivers stay. Files behind the command are further methodologies, for
development: nobody has approved them.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from services.accounting.ledger import targets
from services.accounting.methodologies import service
from services.accounting.methodologies.document import parse_methodology
from services.accounting.methodologies.library import library_factors, library_methodologies
from services.accounting.settings import Settings
from shared.db import Database
from shared.language import Text
from shared.production import Finding, UnsafeSettings

# The sponsors and the campaign with which a new programme begins (the seed of rewards). Two operators add others.
RECEIVERS = {
    "redeemed:guozao": Text("过早联盟", "Breakfast Alliance"),
    "redeemed:donghu": Text("东湖风景区", "East Lake Scenic Area"),
    "redeemed:huanghelou": Text("黄鹤楼公园", "Yellow Crane Tower Park"),
    "redeemed:metro": Text("地铁集团", "Metro operator"),
    "redeemed:bikes": Text("共享单车企业", "Bike-share operators"),
    "redeemed:winery": Text("低碳酒庄", "Low-carbon winery"),
    "redeemed:green-fund": Text("绿色公益基金", "Green charity fund"),
    "donated:zero-carbon-marathon": Text("零碳马拉松", "Zero-carbon marathon"),
}


async def seed(settings: Settings, further: Sequence[str] = ()) -> int:
    """Publish the library, and `further` documents in YAML. Return the number of methodologies.

    Raises UnsafeSettings: in production two operators publish what is not shipped.
    """
    if further and settings.profile == "production":
        reason = "没有经两人批准的方法学", "methodologies that no two people approved"
        raise UnsafeSettings([Finding("services.accounting.seed", *reason)])
    database = Database(settings.database_url, pool_size=1, application_name="accounting-seed")
    methodologies = [*library_methodologies(), *(parse_methodology(text)[0] for text in further)]
    try:
        async with database.transaction() as session:
            await service.add_library(session, methodologies=methodologies, factors=list(library_factors().values()))
            for code, title in RECEIVERS.items():
                await targets.add_missing(session, code=code, title=title)
    finally:
        await database.stop()
    return len(methodologies)


if __name__ == "__main__":
    texts = [Path(name).read_text(encoding="utf-8") for name in sys.argv[1:]]
    print(f"方法学 {asyncio.run(seed(Settings(), texts))} 份已就绪 methodologies ready")
