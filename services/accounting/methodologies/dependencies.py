"""Dependencies of routes: the index of versions, and days in the time zone of the programme."""

from datetime import date
from typing import Annotated

from fastapi import Depends, Request

from services.accounting.methodologies.coverage import Days, days_at
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.methodologies.service import Library
from shared import clock
from shared.db import Session


async def _index(request: Request, session: Session) -> MethodologyIndex:
    library: Library = request.app.state.library
    return await library.index(session)


def _today(request: Request) -> date:
    return clock.local_date(clock.now(), request.app.state.settings.time_zone)


def _days(request: Request) -> Days:
    return days_at(clock.now(), request.app.state.settings.time_zone)


Index = Annotated[MethodologyIndex, Depends(_index)]
Today = Annotated[date, Depends(_today)]
LibraryDays = Annotated[Days, Depends(_days)]
