"""The public page of a certificate: HTML without scripts, Chinese first, English below, large letters for a phone."""

import base64
import hashlib
from datetime import datetime
from html import escape
from typing import Final, Literal

from services.rewards.certificates.service import Certificate
from services.rewards.documents.domain import ISSUER, grouped
from services.rewards.sentences import certificates as says
from services.rewards.sentences import documents as paper_says
from shared.amounts import exact
from shared.instants import CITY_ZONE
from shared.language import Text
from shared.wording import spoken

PAGES_PATH: Final = "/api/v1/rewards/certificates"
_CSS: Final = """
:root { color-scheme: light }
* { box-sizing: border-box }
body { margin: 0; background: #f4f6f3; color: #1d2421; font: 20px/1.6 system-ui, -apple-system, "PingFang SC",
  "HarmonyOS Sans SC", "Microsoft YaHei", "Noto Sans SC", "Noto Sans CJK SC", sans-serif }
main { max-width: 34rem; margin: 0 auto; padding: 1.2rem }
header { text-align: center; margin: .2rem 0 1rem }
header b { font-size: 1.1rem }
[lang=en] { display: block; color: #56605b; font-size: .8rem; line-height: 1.4; overflow-wrap: anywhere }
.card { background: #fff; border-radius: .9rem; padding: 1.2rem; margin-bottom: 1.2rem; overflow-wrap: anywhere }
.verdict { border: .25rem solid #125c4a; text-align: center }
.verdict.bad { border-color: #b02026 }
.mark { width: 3.6rem; height: 3.6rem; margin: 0 auto .4rem; border-radius: 50%; background: #125c4a; color: #fff;
  font: bold 2.4rem/3.6rem system-ui, sans-serif }
.bad .mark { background: #b02026 }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.3; color: #125c4a }
.bad h1 { color: #b02026 }
dl { margin: 0 } dt { color: #56605b; font-size: .9rem } dt [lang=en] { display: inline; margin-left: .4em }
dd { margin: 0 0 .8rem; font-size: 1.15rem } dd:last-child { margin: 0 }
dd.amount { font-size: 1.6rem; color: #125c4a }
.number { font-variant-numeric: tabular-nums; letter-spacing: .02em }
a.button, button { display: block; width: 100%; margin: .7rem 0 0; padding: .8rem; border: 0; border-radius: .6rem;
  background: #125c4a; color: #fff; font: inherit; font-weight: bold; text-align: center; text-decoration: none }
a.button.plain { background: #fff; color: #125c4a; border: .12rem solid #125c4a }
a.button [lang=en], button [lang=en] { color: inherit; font-weight: normal }
label { display: block } input { width: 100%; margin-top: .5rem; padding: .7rem; font: inherit; font-size: 1.2rem;
  border: .12rem solid #56605b; border-radius: .6rem }
.note { color: #56605b; font-size: .9rem }
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_CSS.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
Verdict = Literal["genuine", "revoked", "unknown", "mistyped"]
_HEADINGS: Final[dict[Verdict, Text]] = {
    "genuine": says.GENUINE,
    "revoked": says.REVOKED,
    "unknown": says.UNKNOWN,
    "mistyped": says.MISTYPED,
}


def certificate_page(certificate: Certificate) -> str:
    revoked = certificate.revocation
    verdict = _verdict("genuine" if revoked is None else "revoked")
    amount = "amount" if revoked is None else ""
    facts = [
        (paper_says.CAMPAIGN, _both(certificate.campaign_title), ""),
        (paper_says.AMOUNT, _both(exact(certificate.amount_mg)), amount),
        (paper_says.ISSUED_ON, _day(certificate.issued_at), ""),
        (paper_says.NUMBER, escape(grouped(certificate.certificate_no)), "number"),
    ]
    if certificate.donor is not None:
        facts.insert(0, (paper_says.DONOR, escape(certificate.donor), ""))
    if revoked is not None:
        facts[:0] = [
            (paper_says.REASON, _both(revoked.reason), ""),
            (paper_says.REVOKED_ON, _day(revoked.revoked_at), ""),
        ]
    shown = "".join(f'<dt>{_both(label)}</dt><dd class="{kind}">{value}</dd>' for label, value, kind in facts)
    parts = [verdict, f'<section class="card"><dl>{shown}</dl>{_files(certificate)}</section>']
    if certificate.donor is None:
        parts.append(f'<p class="note">{_both(says.NO_NAME)}</p>')
    return _page([*parts, _form(says.CHECK_ANOTHER)])


def refusal_page(verdict: Literal["unknown", "mistyped"]) -> str:
    detail = says.UNKNOWN_DETAIL if verdict == "unknown" else says.MISTYPED_DETAIL
    return _page([_verdict(verdict), f'<section class="card">{_both(detail)}</section>', _form(says.ASK_NUMBER)])


def form_page() -> str:
    return _page([_form(says.ASK_NUMBER)])


def waiting_page(*, again_s: int) -> str:
    """Shown while the worker makes a file. It loads again without a script."""
    said = f"<h1>{_both(says.BEING_MADE)}</h1><p>{_both(says.BEING_MADE_DETAIL)}</p>"
    card = f'<section class="card verdict">{said}</section>'
    return _page([card], head=f'<meta http-equiv="refresh" content="{again_s}">')


def _verdict(verdict: Verdict) -> str:
    good = verdict == "genuine"
    mark, kind = ("✓", "") if good else ("✕", " bad")
    return (
        f'<section class="card verdict{kind}"><div class="mark" aria-hidden="true">{mark}</div>'
        f"<h1>{_both(_HEADINGS[verdict])}</h1></section>"
    )


def _files(certificate: Certificate) -> str:
    if not certificate.has_files or certificate.revocation is not None:  # nobody should share a revoked one
        return ""
    address = f"{PAGES_PATH}/{certificate.certificate_no}"
    picture = f'<a class="button" href="{address}.png">{_both(says.SAVE_PNG)}</a>'
    return picture + f'<a class="button plain" href="{address}.pdf">{_both(says.SAVE_PDF)}</a>'


def _form(label: Text) -> str:
    return (
        f'<form class="card" method="get" action="{PAGES_PATH}"><label>{_both(label)}'
        '<input name="certificate_no" inputmode="numeric" autocomplete="off" maxlength="40" required></label>'
        f"<button>{_both(says.CHECK)}</button></form>"
    )


def _page(parts: list[str], *, head: str = "") -> str:
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">{head}'
        f"<title>{says.PAGE_TITLE.zh} · {says.PAGE_TITLE.en}</title><style>{_CSS}</style></head><body><main>"
        f"<header><b>{_both(says.PAGE_TITLE)}</b></header>{''.join(parts)}"
        f'<p class="note">{_both(ISSUER)}</p></main></body></html>'
    )


def _both(text: Text) -> str:
    return f'{escape(text.zh)}<span lang="en">{escape(text.en)}</span>'


def _day(instant: datetime) -> str:
    day = instant.astimezone(CITY_ZONE).date()
    return _both(Text(spoken(day, "zh"), spoken(day, "en")))
