"""Publish the shipped library and name the first receivers of spent grams: `python -m services.accounting.seed`.

Repeatable: published documents and existing receivers stay.
"""

import asyncio

from services.accounting.ledger import targets
from services.accounting.methodologies import service
from services.accounting.methodologies.library import library_factors, library_methodologies
from services.accounting.settings import Settings
from shared.db import Database
from shared.language import Text

# The sponsors and the campaign with which a new programme begins (the seed of rewards). Two operators add others.
RECEIVERS = {
    "redeemed:guozao": Text("过早联盟", "Breakfast Alliance"),
    "redeemed:donghu": Text("东湖风景区", "East Lake Scenic Area"),
    "donated:zero-carbon-marathon": Text("零碳马拉松", "Zero-carbon marathon"),
}


async def seed(settings: Settings) -> int:
    """Publish the library. Return the number of its methodologies."""
    database = Database(settings.database_url, pool_size=1, application_name="accounting-seed")
    methodologies = library_methodologies()
    try:
        async with database.transaction() as session:
            await service.add_library(session, methodologies=methodologies, factors=list(library_factors().values()))
            for code, title in RECEIVERS.items():
                await targets.add_missing(session, code=code, title=title)
    finally:
        await database.stop()
    return len(methodologies)


if __name__ == "__main__":
    print(f"方法学 {asyncio.run(seed(Settings()))} 份已就绪 methodologies ready")
