"""Publish the shipped library: `python -m services.accounting.seed`. Repeatable: published documents stay."""

import asyncio

from services.accounting.methodologies import service
from services.accounting.methodologies.library import library_factors, library_methodologies
from services.accounting.settings import Settings
from shared.db import Database


async def seed(settings: Settings) -> int:
    """Publish the library. Return the number of its methodologies."""
    database = Database(settings.database_url, pool_size=1, application_name="accounting-seed")
    methodologies = library_methodologies()
    try:
        async with database.transaction() as session:
            await service.add_library(session, methodologies=methodologies, factors=list(library_factors().values()))
    finally:
        await database.stop()
    return len(methodologies)


if __name__ == "__main__":
    print(f"方法学 {asyncio.run(seed(Settings()))} 份已就绪 methodologies ready")
