"""An import takes effect exactly once although its worker is killed without warning."""

import pytest

from services.ingest.settings import Settings
from tests.databases import make_database
from tests.ingest.conftest import RunApp
from tests.ingest.long_import import ImportMonitor, Result, archived, count, prepare, upload, write_file
from tests.ingest.samples import PartnerClient

LINES = 10_000


async def test_an_import_resumes_after_its_worker_was_killed(
    postgres_admin_dsn: str, run_app: RunApp, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dsns = make_database(postgres_admin_dsn, "ingest_long_import", ["ingest"])
    env = await prepare(dsns, 8_000)
    settings = Settings.model_validate(
        {name.removeprefix("INGEST_").lower(): value for name, value in env.items() if name.startswith("INGEST_")}
    )
    path = tmp_path_factory.mktemp("long") / "long.csv"
    write_file(path, LINES)
    result = Result(LINES)
    async with run_app(settings) as http:
        client = PartnerClient(http, "ak-bike")
        import_id = await upload(client, path)
        monitor = ImportMonitor(client, env, result, api_pid=None)
        found = await monitor.until_done(import_id, kill_at=0.2, every_s=0.1, show=False)
    assert (found["status"], found["progress"]["percent"], found["progress"]["accepted"]) == ("done", 100, LINES)
    assert 0.2 * LINES <= result.resumed_at_line < LINES
    await archived(dsns, LINES, env)
    await count(dsns, result)
    assert result.distinct == LINES
    # Only the blocks that the killed worker had published but not recorded are published twice.
    assert LINES <= result.published <= LINES + 2_000
