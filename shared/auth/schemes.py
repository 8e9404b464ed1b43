"""The four kinds of credentials in the OpenAPI documents. They decide nothing: the dependencies that verify do."""

from typing import Any, Final

from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPBase

CITIZEN: Final = HTTPBearer(
    auto_error=False,
    scheme_name="citizen",
    bearerFormat="JWT",
    description=(
        "市民：`POST /api/v1/accounts/sessions` 返回的 `access_token`。"
        " Citizens: the `access_token` of `POST /api/v1/accounts/sessions`."
    ),
)
OPERATOR: Final = HTTPBearer(
    auto_error=False,
    scheme_name="operator",
    bearerFormat="JWT",
    description=(
        "运营人员：登录后的令牌；每个操作列出所需权限。"
        " Operators: the token of their log-in. Each operation lists the scope that it needs."
    ),
)
CP1: Final = HTTPBase(
    scheme="CP1-HMAC-SHA256",
    auto_error=False,
    scheme_name="cp1",
    description=(
        "合作方签名，对方法、路径与查询、时间戳、随机串和原始请求体。算法由密钥登记决定：CP1-HMAC-SHA256、CP1-ED25519、"
        "CP1-RSA-SHA256、CP1-SM2-SM3。"
        " A partner's signature over method, path with query, timestamp, nonce and the body as sent:"
        ' `CP1-HMAC-SHA256 app_key="…",timestamp="…",nonce="…",signature="<base64>"`. The key record fixes the'
        " algorithm: CP1-HMAC-SHA256, CP1-ED25519, CP1-RSA-SHA256 or CP1-SM2-SM3."
    ),
)
TILL: Final = HTTPBearer(
    auto_error=False,
    scheme_name="till",
    description=(
        "收银台：`POST /api/v1/rewards/merchant/tills` 返回的 `token`；登记时在此处放登记码。"
        " Tills: the `token` of their enrolment. The enrolment itself has the enrolment code in its place."
    ),
)
ALL: Final = (CITIZEN, OPERATOR, CP1, TILL)
SIGNED: Final[dict[str, Any]] = {"security": [{CP1.scheme_name: []}]}
"""`openapi_extra` of a route that verifies a signature without a dependency."""
CITIZEN_OR_NOBODY: Final[dict[str, Any]] = {"security": [{}, {CITIZEN.scheme_name: []}]}
"""`openapi_extra` of a public route that shows a citizen more."""


def definitions() -> dict[str, Any]:
    return {
        scheme.scheme_name: scheme.model.model_dump(by_alias=True, exclude_none=True, mode="json") for scheme in ALL
    }
