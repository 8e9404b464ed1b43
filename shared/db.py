"""The database of a service: one engine, one transaction per request or poll, and the only place that commits."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast

import asyncpg
from fastapi import Depends, Request
from sqlalchemy import ExceptionContext, Executable, MetaData, TextClause, event, text
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
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
# Longer than any statement of ours should take; a forgotten transaction must not hold row locks for ever.
_SERVER_SETTINGS = {
    "statement_timeout": "30000",
    "lock_timeout": "8000",
    # A frozen worker keeps its partitions locked until this ends its session; others take over after it.
    "idle_in_transaction_session_timeout": "15000",
    "jit": "off",
    "timezone": "UTC",
}
_CONNECT_TIMEOUT_S = 5
_POOL_WAIT_S = 5
# A server that vanished behind an open connection never answers, and its own limits never fire. The driver waits this
# long for an answer and as long again for the end of the cancelled statement, then it drops the connection: both
# together leave time to start anew within 30 s, and each above the lock timeout, which is to be told as what it is.
COMMAND_TIMEOUT_S = 9.0
# For statements of operators that read everything; the server ends them before this does.
LONG_READ_S = 35.0
_DIALECT = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]


def metadata_for(schema: str) -> MetaData:
    return MetaData(schema=schema, naming_convention=NAMING)


class Database:
    """Engine and sessions of one process. `dsn` is a plain `postgresql://` address."""

    def __init__(
        self,
        dsn: str,
        *,
        pool_size: int = 10,
        application_name: str = "carbon",
        command_timeout_s: float = COMMAND_TIMEOUT_S,
    ) -> None:
        self._engine: AsyncEngine = create_async_engine(
            dsn.replace("postgresql://", "postgresql+asyncpg://", 1),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_POOL_WAIT_S,
            pool_pre_ping=False,
            connect_args={
                "server_settings": {**_SERVER_SETTINGS, "application_name": application_name},
                "timeout": _CONNECT_TIMEOUT_S,
                "command_timeout": command_timeout_s,
            },
        )
        event.listen(self._engine.sync_engine, "handle_error", _invalidate_pool)
        self._single_statements = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)

    async def stop(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Commits on return, rolls back on any exception."""
        async with self._sessions() as session, session.begin():
            yield session

    async def read_once(self, statement: Executable, values: Mapping[str, object] | None = None) -> Sequence[Any]:
        """Rows of one statement that only reads, without the round trips that begin and commit a transaction."""

        def ask() -> Sequence[Any]:
            with self._single_statements.sync_engine.connect() as connection:
                return connection.execute(statement, values).all()

        # One change of stacks for all of it, where the asynchronous connection makes one for each step.
        return await greenlet_spawn(ask)

    async def scalar_once(self, statement: TextClause) -> Any:
        """The one value of a statement that only reads, for those who look often."""
        return (await self.read_once(statement))[0][0]

    async def ping(self) -> None:
        """Raises when the database does not answer."""
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1"))


def is_protocol_broken(exc: BaseException | None) -> bool:
    """Whether the driver lost track of its conversation, as it does when a server dies in the middle of an answer."""
    while exc is not None and not isinstance(exc, asyncpg.InternalClientError):
        exc = exc.__cause__
    return exc is not None


def _invalidate_pool(context: ExceptionContext) -> None:
    """Drops a connection that looks open and is of no use, and with it all that are idle: they went the same way.

    One by one each would fail somebody, and a connection that nothing comes back from only after COMMAND_TIMEOUT_S.
    """
    if isinstance(context.original_exception, TimeoutError) or is_protocol_broken(context.original_exception):
        context.is_disconnect = context.invalidate_pool_on_disconnect = True


async def _request_transaction(request: Request) -> AsyncIterator[AsyncSession]:
    database: Database = request.app.state.db
    async with database.transaction() as session:
        yield session


# scope="function" commits before the answer is sent: with the default scope a failed commit would still answer 200.
Session = Annotated[AsyncSession, Depends(_request_transaction, scope="function")]


async def _request_database(request: Request) -> Database:
    database: Database = request.app.state.db
    return database


# For routes that read all that has to agree with one statement, and so need no transaction around it.
RequestDatabase = Annotated[Database, Depends(_request_database)]


async def read_rows(
    source: AsyncSession | Database, statement: Executable, values: Mapping[str, object] | None = None
) -> Sequence[Any]:
    """What one reading statement finds: within a transaction, or by itself."""
    if isinstance(source, Database):
        return await source.read_once(statement, values)
    return (await source.execute(statement, values)).all()


async def driver(session: AsyncSession) -> Connection:
    """The asyncpg connection under an open transaction, for set-wise statements with arrays.

    Opens the transaction on the server first: statements on the raw connection would otherwise commit one by one.
    """
    connection = await session.connection()
    raw = cast(Any, await connection.get_raw_connection())
    if not raw.driver_connection.is_in_transaction():
        await connection.execute(text("SELECT 1"))
    return cast("Connection", raw.driver_connection)


async def fetch_slow(
    session: AsyncSession, sql: str, values: Mapping[str, object] | None = None, *, timeout_s: int
) -> "Sequence[asyncpg.Record]":
    """Rows of one statement that may take longer than COMMAND_TIMEOUT_S: the server and the driver both wait for it."""
    connection = await driver(session)
    await connection.execute(f"SET LOCAL statement_timeout = {1000 * timeout_s}")
    compiled = text(sql).compile(dialect=_DIALECT)
    given = values or {}
    rows: Sequence[asyncpg.Record] = await connection.fetch(
        str(compiled), *(given[name] for name in compiled.positiontup or ()), timeout=timeout_s + COMMAND_TIMEOUT_S
    )
    return rows
