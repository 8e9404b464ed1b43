"""The public description of the interface names nothing internal."""

import httpx


async def test_b19_the_public_document_lists_nothing_internal(api: httpx.AsyncClient) -> None:
    document = (await api.get("/api/v1/ingest/openapi.json")).json()
    assert not [path for path in document["paths"] if not path.startswith("/api/v1/ingest/")]
    tags = {tag for item in document["paths"].values() for operation in item.values() for tag in operation["tags"]}
    assert not [tag for tag in tags if "Internal" in tag]
    # Nor the models of what is internal.
    for name in ("PartnerRecord", "PartnerList", "SignedRequest", "Signer"):
        assert name not in str(document), name
