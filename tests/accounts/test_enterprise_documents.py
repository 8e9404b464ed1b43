"""Documents of applications: sealed in pieces, read by operators with a reason, never opened, of a bounded size."""

import asyncio
import gzip
import hashlib
import io
import os
import zipfile
from collections.abc import AsyncIterator

import httpx
import pytest

from services.accounts.enterprise_documents.domain import DOCUMENTS_BYTES_MAX, MIB, PIECE_BYTES
from services.accounts.enterprise_documents.service import READS_PER_HOUR
from tests.accounts.conftest import Db, People, code_of
from tests.accounts.enterprises import LICENCE, Operators, apply, opened, upload
from tests.tokens import TokenFactory

WHY = {"reason": "核对执照"}
PNG = b"\x89PNG\r\n\x1a\n" + b"picture-canary" * 20


@pytest.fixture
def operators(client: httpx.AsyncClient, tokens: TokenFactory) -> Operators:
    return Operators(client, tokens)


async def test_a_document_is_stored_sealed_and_comes_back_byte_for_byte(
    people: People, operators: Operators, db: Db
) -> None:
    anna = await people.new()
    enterprise_id = await apply(anna)
    content = b"%PDF-1.7 licence-canary " + os.urandom(PIECE_BYTES * 2 + 17)
    stored = await upload(anna, enterprise_id, content)
    assert stored.status_code == 201
    assert stored.json()["size_bytes"] == len(content)
    pieces = await db.fetch("SELECT content_sealed FROM accounts.enterprise_document_piece ORDER BY piece_no")
    assert [len(row[0]) - 28 for row in pieces] == [PIECE_BYTES, PIECE_BYTES, len(content) - 2 * PIECE_BYTES]
    assert all(b"canary" not in bytes(row[0]) for row in pieces)
    path = f"/enterprises/{enterprise_id}/documents/{stored.json()['document_id']}"
    assert code_of(await operators.call("GET", path)) == (422, "INVALID_REQUEST")
    assert (await operators.call("GET", path, scope="ops:read", params=WHY)).status_code == 403
    read = await operators.call("GET", path, params=WHY)
    assert read.content == content
    assert read.headers["content-type"] == "application/pdf"
    assert read.headers["content-disposition"].startswith("attachment")
    assert read.headers["x-content-type-options"] == "nosniff"
    log = (await operators.call("GET", f"/audit?object={enterprise_id}")).json()["items"]
    assert [(one["subject"], one["action"], one["reason"]) for one in log] == [
        ("ann", "enterprise.document.read", WHY["reason"])
    ]
    assert (await anna.call("GET", "/ops" + path, params=WHY)).status_code == 403


async def test_pieces_that_were_moved_or_changed_do_not_open(people: People, operators: Operators, db: Db) -> None:
    anna = await people.new()
    enterprise_id = await apply(anna)
    stored = await upload(anna, enterprise_id, b"%PDF-" + os.urandom(PIECE_BYTES * 2))
    path = f"/enterprises/{enterprise_id}/documents/{stored.json()['document_id']}"
    for change in ("DELETE FROM {} WHERE piece_no = 2", "UPDATE {} SET piece_no = 7 - piece_no WHERE piece_no < 2"):
        await db.execute(change.format("accounts.enterprise_document_piece"))
        assert code_of(await operators.call("GET", path, params=WHY)) == (500, "INTERNAL_ERROR")


def archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("bomb", b"\0" * (20 * MIB))
    return packed.getvalue()


LIES = {
    "a page that says it is a PDF": (b"<html><script>alert(1)</script>", "application/pdf"),
    "a picture that says it is a PDF": (PNG, "application/pdf"),
    "a PDF that says it is a picture": (LICENCE, "image/png"),
    "a PDF without its first byte": (LICENCE[1:], "application/pdf"),
    "a zip bomb": (archive(), "application/pdf"),
    "a gzip bomb": (gzip.compress(b"\0" * (20 * MIB)), "application/pdf"),
    "an archive by its own name": (archive(), "application/zip"),
    "an SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
    "nothing": (b"", "application/pdf"),
    "no type at all": (LICENCE, "nonsense"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_document_that_lies_about_its_type_is_refused(people: People, db: Db, lie: str) -> None:
    content, media_type = LIES[lie]
    anna = await people.new()
    enterprise_id = await apply(anna)
    answer = await upload(anna, enterprise_id, content, media_type=media_type)
    assert code_of(answer) == (422, "DOCUMENT_TYPE_INVALID")
    assert await db.fetchval("SELECT count(*) FROM accounts.enterprise_document") == 0


async def test_a_bomb_inside_a_real_pdf_is_stored_as_it_is(people: People, operators: Operators) -> None:
    """Nothing is unpacked: the content stays as small as it came."""
    anna = await people.new()
    enterprise_id = await apply(anna)
    content = b"%PDF-1.7\n/FlateDecode stream\n" + gzip.compress(b"\0" * (30 * MIB))
    stored = await upload(anna, enterprise_id, content)
    assert stored.json()["size_bytes"] == len(content) < MIB
    path = f"/enterprises/{enterprise_id}/documents/{stored.json()['document_id']}"
    assert (await operators.call("GET", path, params=WHY)).content == content


async def test_a_document_that_lies_about_its_hash_is_refused(people: People) -> None:
    anna = await people.new()
    enterprise_id = await apply(anna)
    other = hashlib.sha256(b"other").hexdigest()
    answer = await upload(anna, enterprise_id, sha256=other)
    assert code_of(answer) == (422, "DOCUMENT_HASH_MISMATCH")
    assert code_of(await upload(anna, enterprise_id, sha256="0x")) == (422, "INVALID_REQUEST")


async def test_documents_are_limited_in_size_also_where_the_size_is_a_lie(people: People, db: Db) -> None:
    anna = await people.new()
    enterprise_id = await apply(anna)
    too_large = b"%PDF-" + bytes(DOCUMENTS_BYTES_MAX)
    assert code_of(await upload(anna, enterprise_id, too_large)) == (413, "PAYLOAD_TOO_LARGE")

    async def in_parts() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b"%PDF-" + bytes(MIB - 5)

    path = f"/enterprise-documents/{enterprise_id}?kind=other&sha256={'0' * 64}"
    streamed = await anna.call("POST", path, content=in_parts(), headers={"Content-Type": "application/pdf"})
    assert code_of(streamed) == (413, "PAYLOAD_TOO_LARGE")
    assert (await upload(anna, enterprise_id, b"%PDF-" + bytes(3 * MIB))).status_code == 201
    assert code_of(await upload(anna, enterprise_id, b"%PDF-1" + bytes(3 * MIB))) == (409, "DOCUMENTS_TOO_LARGE")
    assert await db.fetchval("SELECT count(*) FROM accounts.enterprise_document") == 1
    # The limit of other routes is as it was.
    long = {"uscc": "x" * 70_000, "name": "n", "kinds": ["venue"], "contact": {"name": "a", "phone": "12345"}}
    assert code_of(await anna.call("POST", "/enterprises", json=long)) == (413, "PAYLOAD_TOO_LARGE")


async def test_the_sum_holds_when_documents_come_at_once(people: People, db: Db) -> None:
    anna = await people.new()
    enterprise_id = await apply(anna)
    answers = await asyncio.gather(
        *(upload(anna, enterprise_id, b"%PDF-" + bytes([number]) + bytes(2 * MIB)) for number in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    assert await db.fetchval("SELECT sum(size_bytes) FROM accounts.enterprise_document") <= DOCUMENTS_BYTES_MAX


async def test_the_same_document_sent_again_is_one(people: People, db: Db) -> None:
    anna = await people.new()
    enterprise_id = await apply(anna)
    first, again = await upload(anna, enterprise_id), await upload(anna, enterprise_id)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    crowd = await asyncio.gather(*(upload(anna, enterprise_id, PNG, media_type="image/png") for _ in range(4)))
    assert sorted(answer.status_code for answer in crowd) == [200, 200, 200, 201]
    listed = (await anna.call("GET", f"/enterprise-documents/{enterprise_id}")).json()["items"]
    assert len(listed) == 2


async def test_what_two_operators_decide_about_cannot_be_swapped(people: People, operators: Operators, db: Db) -> None:
    anna = await people.new()
    enterprise_id = await apply(anna)
    document_id = (await upload(anna, enterprise_id)).json()["document_id"]
    proposal_id = await operators.propose(enterprise_id)
    for answer in (
        await upload(anna, enterprise_id, PNG, media_type="image/png"),
        await anna.call("DELETE", f"/enterprise-documents/{enterprise_id}/{document_id}"),
    ):
        assert code_of(answer) == (409, "ENTERPRISE_STATE_CONFLICT")
    # Whoever changes it behind the service is found at the approval.
    await db.execute("UPDATE accounts.enterprise_document SET sha256 = repeat('0', 64)")
    assert code_of(await operators.decide(proposal_id)) == (409, "APPLICATION_CHANGED")


async def test_a_document_can_be_deleted_before_the_review(people: People, db: Db) -> None:
    anna, bert = await people.new(), await people.new()
    enterprise_id = await apply(anna)
    document_id = (await upload(anna, enterprise_id)).json()["document_id"]
    path = f"/enterprise-documents/{enterprise_id}/{document_id}"
    assert code_of(await bert.call("DELETE", path)) == (404, "ENTERPRISE_NOT_FOUND")
    assert (await anna.call("DELETE", path)).status_code == 204
    assert code_of(await anna.call("DELETE", path)) == (404, "DOCUMENT_NOT_FOUND")
    assert await db.fetchval("SELECT count(*) FROM accounts.enterprise_document_piece") == 0


async def test_a_stranger_is_refused_before_the_body_is_read(people: People, operators: Operators) -> None:
    anna, bert = await people.new(), await people.new()
    enterprise_id = await opened(anna, operators)
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(5):
            read += 1
            yield LICENCE

    path = f"/enterprise-documents/{enterprise_id}?kind=other&sha256={'0' * 64}"
    answer = await bert.call("POST", path, content=body(), headers={"Content-Type": "application/pdf"})
    assert code_of(answer) == (404, "ENTERPRISE_NOT_FOUND")
    assert read <= 1


async def test_looks_of_one_operator_at_documents_are_limited(people: People, operators: Operators, db: Db) -> None:
    anna = await people.new()
    enterprise_id = await apply(anna)
    document_id = (await upload(anna, enterprise_id)).json()["document_id"]
    path = f"/enterprises/{enterprise_id}/documents/{document_id}"
    statuses = [(await operators.call("GET", path, params=WHY)).status_code for _ in range(READS_PER_HOUR + 1)]
    assert statuses == [200] * READS_PER_HOUR + [429]
    assert (await operators.call("GET", path, by="bob", params=WHY)).status_code == 200
