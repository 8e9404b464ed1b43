"""The database of a service: one engine, one transaction per request or poll. Nothing else commits."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast

import asyncpg
import structlog
from fastapi import Depends, Request
from sqlalchemy import ExceptionContext, Executable, MetaData, TextClause, event, text
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.util import greenlet_spawn

# The driver's connection, as `driver()` returns it. The class is generic for type checkers only.
if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
# Limits above the time that any of our statements needs. A forgotten transaction must not hold row locks for ever.
_SERVER_SETTINGS = {
    "statement_timeout": "30000",
    "lock_timeout": "8000",
    # A frozen worker keeps its partitions locked until this limit ends its session. Then other workers take over.
    "idle_in_transaction_session_timeout": "15000",
    "jit": "off",
    "timezone": "UTC",
}
# Errors of a statement, whether SQLAlchemy or the driver ran it.
DATABASE_ERRORS = (SQLAlchemyError, asyncpg.PostgresError)
# From the sixth execution on the server may keep one plan for all values of a prepared statement, until the table is
# analysed again. Such a plan, made while the table was empty, scans it for every key once it has grown. Set-wise
# statements are planned each time: the size of the table at that moment decides.
_PLAN_EACH_TIME = ("plan_cache_mode", "force_custom_plan")
# The first parameter, an array of ids, as a value that the planner does not see. It would compare each of some thousand
# ids with its statistics: half a millisecond a statement.
UNPLANNED_IDS = "(SELECT $1::uuid[])::uuid[]"
_PLANNED_EACH_TIME = "planned_each_time"  # in `Session.info`
_CONNECT_TIMEOUT_S = 5
_POOL_WAIT_S = 5
# A server that vanished behind an open connection never answers, and its own limits never fire. The driver waits this
# long for an answer, and as long again for the end of the cancelled statement. Then it drops the connection. Both waits
# together leave time for a new attempt within 30 s. Each is above lock_timeout, so a lock timeout is reported as such.
COMMAND_TIMEOUT_S = 9.0
# An idle pool learns of a vanished server only by its next statement. A request that crosses three services would meet
# three dead pools one after the other: above 30 s. The watch of each process finds them at the same time.
_WATCH_EVERY_S = 2.0
_WATCH_SILENCE_S = 3.0
# For operators' statements that read whole tables. The server's limit ends them first.
LONG_READ_S = 35.0
_log = structlog.get_logger(__name__)
_DIALECT = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


def metadata_for(schema: str) -> MetaData:
    return MetaData(schema=schema, naming_convention=NAMING)


class Database:
    """The engine and sessions of one process. `dsn` is a plain `postgresql://` address.

    `plan_each_time`: no connection keeps a plan for all values, as in workers. Other processes plan each time only in
    transactions that use `driver`: a read by one key would take a third longer or more.
    """

    def __init__(
        self,
        dsn: str,
        *,
        pool_size: int = 10,
        application_name: str = "carbon",
        command_timeout_s: float = COMMAND_TIMEOUT_S,
        plan_each_time: bool = False,
    ) -> None:
        settings = {**_SERVER_SETTINGS, "application_name": application_name}
        if plan_each_time:
            settings.update([_PLAN_EACH_TIME])
        self._engine: AsyncEngine = create_async_engine(
            dsn.replace("postgresql://", "postgresql+asyncpg://", 1),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_POOL_WAIT_S,
            pool_pre_ping=False,
            connect_args={
                "server_settings": settings,
                "timeout": _CONNECT_TIMEOUT_S,
                "command_timeout": command_timeout_s,
            },
        )
        event.listen(self._engine.sync_engine, "handle_error", _invalidate_pool)
        self._single_statements = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._sessions = async_sessionmaker(
            self._engine, expire_on_commit=False, info={_PLANNED_EACH_TIME: plan_each_time}
        )

    async def stop(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Commit on return, roll back on any exception."""
        async with self._sessions() as session, session.begin():
            yield session

    async def read_once(self, statement: Executable, values: Mapping[str, object] | None = None) -> Sequence[Any]:
        """Run one read-only statement in autocommit mode: saves the round trips of BEGIN and COMMIT."""

        def execute() -> Sequence[Any]:
            with self._single_statements.sync_engine.connect() as connection:
                return connection.execute(statement, values).all()

        # One switch of greenlets for connecting, executing and fetching; AsyncConnection switches for each step.
        return await greenlet_spawn(execute)

    async def scalar_once(self, statement: TextClause) -> Any:
        """Like `read_once`, for a statement that returns one value."""
        return (await self.read_once(statement))[0][0]

    async def ping(self) -> None:
        """Raise an exception if the database does not answer."""
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Meanwhile, ask the server every few seconds, and replace all idle connections after a silence.

        Connections in use are left to their own timeout: their statement may be a long one.
        """
        watch = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            try:
                async with self._engine.connect() as connection:
                    await _end_if_silent(connection)
                    await connection.execute(text("SELECT 1"))
            except Exception as exc:
                _log.warning("database_silent", error=repr(exc)[:300])


async def _end_if_silent(connection: AsyncConnection) -> None:
    """End a connection whose server does not answer. Its next statement tells SQLAlchemy, which replaces the pool."""
    raw = cast(Any, await connection.get_raw_connection()).driver_connection
    try:
        await raw.fetchval("SELECT 1", timeout=_WATCH_SILENCE_S)
    except TimeoutError:
        raw.terminate()


def is_protocol_broken(exc: BaseException | None) -> bool:
    """Whether the driver and the server are out of step, as after a server that died in the middle of an answer."""
    while exc is not None and not isinstance(exc, asyncpg.InternalClientError):
        exc = exc.__cause__
    return exc is not None


def _invalidate_pool(context: ExceptionContext) -> None:
    """Invalidate the whole pool: if one connection timed out, its idle neighbours are probably dead too.

    Otherwise each of them would fail one more request, and a silent one only after COMMAND_TIMEOUT_S.
    """
    if isinstance(context.original_exception, TimeoutError) or is_protocol_broken(context.original_exception):
        context.is_disconnect = context.invalidate_pool_on_disconnect = True


async def _request_transaction(request: Request) -> AsyncIterator[AsyncSession]:
    database: Database = request.app.state.db
    async with database.transaction() as session:
        yield session


# scope="function" commits before the response is sent. With the default scope a failed commit would still answer 200.
Session = Annotated[AsyncSession, Depends(_request_transaction, scope="function")]


async def _request_database(request: Request) -> Database:
    database: Database = request.app.state.db
    return database


# For routes whose one statement reads everything that must be consistent: they need no transaction.
RequestDatabase = Annotated[Database, Depends(_request_database)]


async def read_rows(
    source: AsyncSession | Database, statement: Executable, values: Mapping[str, object] | None = None
) -> Sequence[Any]:
    """Return the rows of one read-only statement: in the session's transaction, or by `Database.read_once`."""
    if isinstance(source, Database):
        return await source.read_once(statement, values)
    return (await source.execute(statement, values)).all()


async def driver(session: AsyncSession) -> Connection:
    """Return the asyncpg connection of the session's transaction, for set-wise statements with arrays.

    Begins the transaction on the server first: otherwise statements on the raw connection would commit one by one. From
    the first call on, all statements of the transaction are planned each time they run.
    """
    connection = await session.connection()
    raw = cast(Any, await connection.get_raw_connection())
    if not session.info.get(_PLANNED_EACH_TIME):
        await connection.execute(text("SET LOCAL {} = {}".format(*_PLAN_EACH_TIME)))
        session.info[_PLANNED_EACH_TIME] = True
    elif not raw.driver_connection.is_in_transaction():
        await connection.execute(text("SELECT 1"))
    return cast("Connection", raw.driver_connection)


async def fetch_slow(
    session: AsyncSession, sql: str, values: Mapping[str, object] | None = None, *, timeout_s: int
) -> "Sequence[asyncpg.Record]":
    """Return the rows of a statement that may take up to `timeout_s`, more than COMMAND_TIMEOUT_S.

    The driver waits longer than the server, so the error reported is the server's.
    """
    connection = await driver(session)
    await connection.execute(f"SET LOCAL statement_timeout = {1000 * timeout_s}")
    compiled = text(sql).compile(dialect=_DIALECT)
    given = values or {}
    rows: Sequence[asyncpg.Record] = await connection.fetch(
        str(compiled), *(given[name] for name in compiled.positiontup or ()), timeout=timeout_s + COMMAND_TIMEOUT_S
    )
    return rows
