"""Use cases of the yearly statement of a donor: its lines, and the file that the worker makes of them."""

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from services.rewards.campaigns import service as campaigns
from services.rewards.campaigns.domain import Donor
from services.rewards.campaigns.service import Donation
from services.rewards.documents import service as documents
from services.rewards.documents.domain import Form, StatementContent, StatementRow
from services.rewards.documents.service import File, Owner
from services.rewards.donor_statements.domain import (
    LINES_MAX,
    Line,
    LineKind,
    YearlyStatement,
    bounds_of,
    total,
)
from services.rewards.enterprises import service as enterprises
from services.rewards.settlement.domain import Status
from shared import clock
from shared.db import Session

_ROWS: Final = 1_000
_FIRST: Final = uuid.UUID(int=0)


async def yearly_statement(session: Session, *, donor: Donor, year: int, time_zone: str) -> YearlyStatement:
    """Return what a person or an enterprise gave in a calendar year of `time_zone`, and what came back in it.

    A donation counts in the year of its certificate, a refund in the year in which the grams came back.
    """
    since, before = bounds_of(year, time_zone)
    kept: list[Line] = []
    left_out, given_mg, refunded_mg, after = 0, 0, 0, _FIRST
    while True:
        rows = await campaigns.settled_donations(
            session, donor=donor, since=since, before=before, after=after, limit=_ROWS
        )
        lines = [line for row in rows for line in _lines(row, time_zone) if since <= line.at < before]
        given_mg += total(lines, LineKind.DONATION)
        refunded_mg += total(lines, LineKind.REFUND)
        room = LINES_MAX - len(kept)
        kept += lines[:room]
        left_out += len(lines[room:])
        if len(rows) < _ROWS:
            break
        after = rows[-1].donation_id
    names = {}
    if donor.enterprise_id is not None:
        names = await enterprises.names_of(session, enterprise_ids=[donor.enterprise_id])
    return YearlyStatement(
        year=year,
        enterprise_id=donor.enterprise_id,
        enterprise_name=None if donor.enterprise_id is None else names.get(donor.enterprise_id),
        lines=tuple(sorted(kept, key=lambda line: (line.at, line.donation_id, line.kind))),
        lines_left_out=left_out,
        given_mg=given_mg,
        refunded_mg=refunded_mg,
        made_at=clock.now(),
    )


def _lines(donation: Donation, time_zone: str) -> Iterator[Line]:
    if donation.certificate is None:
        return
    yield _line(LineKind.DONATION, donation, donation.certificate.issued_at, donation.amount_mg, time_zone)
    if donation.status is Status.CANCELLED and donation.settled_at is not None:
        yield _line(LineKind.REFUND, donation, donation.settled_at, -donation.amount_mg, time_zone)


def _line(kind: LineKind, donation: Donation, at: datetime, amount_mg: int, time_zone: str) -> Line:
    assert donation.certificate is not None
    return Line(
        kind=kind,
        at=at,
        on=clock.local_date(at, time_zone),
        donation_id=donation.donation_id,
        campaign_id=donation.campaign_id,
        campaign_title=donation.certificate.campaign_title,
        amount_mg=amount_mg,
        certificate_no=donation.certificate.certificate_no,
        team_id=donation.team_id,
    )


async def get_statement_file(
    session: Session, *, donor: Donor, asked_by: uuid.UUID, year: int, check_address: str, time_zone: str
) -> File | None:
    """Return the statement as PDF, None while the worker makes it. The file goes with the person who asked for it.

    `check_address`: the page on which certificates are checked. Raises DocumentsBusy.
    """
    statement = await yearly_statement(session, donor=donor, year=year, time_zone=time_zone)
    content = StatementContent(
        year=year,
        rows=tuple(
            StatementRow(
                campaign_zh=line.campaign_title.zh,
                campaign_en=line.campaign_title.en,
                on=line.on,
                amount_mg=line.amount_mg,
                number=line.certificate_no,
            )
            for line in statement.lines
        ),
        sum_mg=statement.total_mg,
        check_address=check_address,
        left_out=statement.lines_left_out,
        donor=statement.enterprise_name,
    )
    return await documents.get_or_request(session, content=content, form=Form.PDF, owner=Owner(user_id=asked_by))
