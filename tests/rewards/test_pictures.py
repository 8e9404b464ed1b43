"""Pictures of items: what is taken, under which address it is served, and what caches may do with it."""

import asyncio
import hashlib
import struct
import zlib

import asyncpg
import httpx
import pytest

from services.rewards.pictures.domain import PICTURE_BYTES_MAX
from tests.rewards.conftest import API, Rewards


def png(filler: bytes = b"") -> bytes:
    """A whole PNG of one pixel, with a comment that makes it longer."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    note = chunk(b"tEXt", b"n\0" + filler)
    return b"\x89PNG\r\n\x1a\n" + head + note + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


PNG = png()
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(20)
WEBP = b"RIFF\x1a\x00\x00\x00WEBPVP8L" + bytes(14)


async def upload(
    rewards: Rewards, content: bytes, media_type: str = "image/png", *, sha256: str | None = None
) -> httpx.Response:
    return await rewards.client.post(
        f"{API}/ops/pictures",
        params={"sha256": sha256 or hashlib.sha256(content).hexdigest()},
        content=content,
        headers={**rewards.tokens.operator(), "Content-Type": media_type},
    )


@pytest.mark.parametrize(("content", "media_type"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp")])
async def test_a_picture_is_served_as_it_came_and_may_be_kept_for_ever(
    rewards: Rewards, content: bytes, media_type: str
) -> None:
    stored = await upload(rewards, content, media_type)
    assert (stored.status_code, stored.json()["size_bytes"]) == (201, len(content)), stored.text
    served = await rewards.client.get(stored.json()["path"])
    assert (served.content, served.headers["content-type"]) == (content, media_type)
    assert served.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert served.headers["x-content-type-options"] == "nosniff"
    assert served.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    for tags in (served.headers["etag"], f'"other", W/{served.headers["etag"]}', "*"):
        again = await rewards.client.get(stored.json()["path"], headers={"If-None-Match": tags})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", served.headers["etag"])


async def test_the_same_picture_again_is_the_same_picture(rewards: Rewards) -> None:
    answers = await asyncio.gather(*(upload(rewards, PNG) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["sha256"] for answer in answers}) == 1
    entries = await rewards.sql("SELECT * FROM rewards.audit_log WHERE action = 'picture.store'")
    assert len(entries) == 1


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "image/svg+xml"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png"),
        (b"GIF89a" + bytes(20), "image/gif"),
        (PNG, "image/jpeg"),
        (PNG, "text/html"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "image/webp"),
        (b"\x89PNG\r\n\x1a\n<html>", "image/png"),
        (b"", "image/png"),
    ],
)
async def test_nothing_but_three_types_is_taken_whatever_the_header_says(
    rewards: Rewards, content: bytes, media_type: str
) -> None:
    refused = await upload(rewards, content, media_type)
    assert (refused.status_code, refused.json()["code"]) == (422, "PICTURE_TYPE_INVALID")
    assert await rewards.sql("SELECT 1 FROM rewards.picture") == []


async def test_a_picture_may_have_one_mebibyte_and_no_byte_more(rewards: Rewards) -> None:
    largest = png(bytes(PICTURE_BYTES_MAX - len(PNG)))
    assert len(largest) == PICTURE_BYTES_MAX
    assert (await upload(rewards, largest)).status_code == 201
    refused = await upload(rewards, largest + b"\0")
    assert (refused.status_code, refused.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


async def test_a_damaged_upload_is_not_stored(rewards: Rewards) -> None:
    refused = await upload(rewards, PNG, sha256="0" * 64)
    assert (refused.status_code, refused.json()["code"]) == (422, "PICTURE_HASH_MISMATCH")


async def test_citizens_and_strangers_upload_nothing(rewards: Rewards) -> None:
    for headers, status in (({}, 401), (rewards.tokens.citizen(rewards.citizen()), 401)):
        answer = await rewards.client.post(
            f"{API}/ops/pictures?sha256={'0' * 64}", content=PNG, headers={**headers, "Content-Type": "image/png"}
        )
        assert answer.status_code in {status, 403}
    reader = rewards.tokens.operator("ops:read")
    answer = await rewards.client.post(f"{API}/ops/pictures?sha256={'0' * 64}", content=PNG, headers=reader)
    assert answer.status_code == 403


async def test_an_unknown_picture_is_not_found_and_a_malformed_address_is_refused(rewards: Rewards) -> None:
    assert (await rewards.get(f"/pictures/{'0' * 64}")).json()["code"] == "PICTURE_NOT_FOUND"
    for address in ("0" * 63, "A" * 64, "..%2f..%2fetc"):
        assert (await rewards.get(f"/pictures/{address}")).status_code in {404, 422}


async def test_the_service_can_neither_change_nor_delete_a_picture(rewards: Rewards) -> None:
    await upload(rewards, PNG)
    for statement in ("UPDATE rewards.picture SET content = 'x'", "DELETE FROM rewards.picture"):
        connection = await asyncpg.connect(rewards.dsns.app("rewards"))
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        finally:
            await connection.close()
