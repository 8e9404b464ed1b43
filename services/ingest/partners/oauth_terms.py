"""How a partner lets its customers confirm a binding: its OAuth 2.0 server, and our address that it sends them back to.

RFC 6749 with PKCE (RFC 7636, S256), the issuer in the answer (RFC 9207) and revocation (RFC 7009). The redirect address
is registered at the partner and here. Both compare it as text, so only one spelling of it is accepted.
"""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from shared.public_addresses import URL_CHARS_MAX, UnsafeUrl, check_url


def _address(url: str) -> str:
    """Refuse what no client may call. Loopback passes here: accounts refuses to call it outside development."""
    try:
        return check_url(url, allow_loopback=True)
    except UnsafeUrl as unsafe:
        raise ValueError(unsafe.why.en) from None


def _one_spelling(url: str) -> str:
    """Refuse addresses that a browser or a partner would rewrite before it compares them."""
    parts = urlsplit(url)
    segments = parts.path.split("/")
    rewritten = (
        parts.netloc != parts.netloc.lower()
        or not parts.path.startswith("/")
        or parts.query != ""
        or url.endswith("?")
        or "*" in url
        or "%" in url
        or any(segment in {".", ".."} for segment in segments)
        or "//" in parts.path
    )
    if rewritten:
        raise ValueError("lower-case host, a plain path, no query, no wildcard")
    return url


Address = Annotated[str, Field(max_length=URL_CHARS_MAX), AfterValidator(_address)]
RedirectAddress = Annotated[Address, AfterValidator(_one_spelling)]


class OauthTerms(BaseModel):
    """Given as a whole. `client_secret` is write only: operators see everything else before they approve."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    authorize_url: Address = Field(examples=["https://bike.example.cn/oauth/authorize"])
    token_url: Address = Field(examples=["https://bike.example.cn/oauth/token"])
    revocation_url: Address | None = Field(
        None, description="RFC 7009；缺省时不保存令牌 · left out: no token is kept, so none is revoked"
    )
    redirect_uri: RedirectAddress = Field(
        description="在合作方登记的回跳地址，逐字比对 · registered at the partner, compared as text",
        examples=["https://carbon.example.cn/bound"],
    )
    issuer: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")] | None = Field(
        None, description="RFC 9207；给出时必须相符 · where given, answers without this `iss` are refused"
    )
    client_id: str = Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$", examples=["carbon-inclusion"])
    client_secret: SecretStr = Field(min_length=8, max_length=256)
    scope: str = Field("", max_length=200, pattern=r"^[\x20-\x7e]*$")
    open_id_field: str = Field("open_id", min_length=1, max_length=60)
    request_form: Literal["form", "json"] = Field(
        "form", description="令牌请求的形式 · how the token endpoint is asked"
    )

    def with_secret(self) -> dict[str, Any]:
        """Everything, to be sealed."""
        return {**self.shown(), "client_secret": self.client_secret.get_secret_value()}

    def shown(self) -> dict[str, Any]:
        """Everything but the secret, for proposals and the audit log."""
        return self.model_dump(mode="json", exclude={"client_secret"})
