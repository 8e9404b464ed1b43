"""Explanation of a stored judgement for the citizen, in both languages, with the numbers of the calculation.

Pure. It needs only the judgement, the methodology version and its factors, so anyone with these can repeat it.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final
from uuid import UUID

import msgspec

from services.accounting.judging.domain import AppliedCap, Judgement, Status
from services.accounting.judging.reasons import NOBODY_CARRIED
from services.accounting.methodologies.compiled import IMPROVEMENT, LEAKAGE, SOURCES, Compiled
from services.accounting.methodologies.errors import NotComputable
from services.accounting.methodologies.rendering import Quantity, calculation_steps, formula_text, quantity_text
from services.accounting.methodologies.units import Unit, parse_unit
from services.accounting.sentences import explanations as sentences
from services.accounting.sentences.verdicts import VERDICTS
from shared.amounts import exact
from shared.language import Language, Text
from shared.wording import filled


class ExplainedMethodology(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    version: int
    title: Text
    summary: Text
    issuer: Text
    document: Text
    document_url: str | None
    source_status: str
    effective_from: str
    effective_to: str | None
    sha256: str


class ExplainedInput(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    field: str | None  # of the act; None if every act counts as one
    title: Text
    value: Text  # with its unit: "2.36 公里"


class ExplainedFactor(msgspec.Struct, frozen=True, kw_only=True):
    factor_id: str
    vintage: int
    name: Text
    value: Text
    unit: str
    source: str
    source_status: str


class ExplainedCap(msgspec.Struct, frozen=True, kw_only=True):
    cap_id: str
    period_start: str
    measure: str
    limit: int
    used_before: int
    granted: int
    per: str
    text: Text


class ExplainedMend(msgspec.Struct, frozen=True, kw_only=True):
    """Two operators mended the record of this event, which could not be read as the partner sent it."""

    proposal_id: UUID
    fields: tuple[str, ...]  # of the record, as dotted paths
    text: Text


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """An explained judgement. If the act was refused before its value was calculated, the calculation is empty."""

    status: str
    reason_code: str
    reason: Text
    amount_mg: int
    raw_mg: int
    methodology: ExplainedMethodology | None = None
    formula: Text | None = None
    formula_source: str | None = None
    inputs: tuple[ExplainedInput, ...] = ()
    factors: tuple[ExplainedFactor, ...] = ()
    steps: tuple[Text, ...] = ()
    evidence: Text | None = None
    caps: tuple[ExplainedCap, ...] = ()
    mend: ExplainedMend | None = None


_RESERVED_TITLES: Final = {LEAKAGE: sentences.LEAKAGE, IMPROVEMENT: sentences.IMPROVEMENT}


def explain(judgement: Judgement, version: Compiled | None) -> Explanation:
    """Explain a judgement. `version` is the one that it names (`MethodologyIndex.version`), None if it names none."""
    explanation = Explanation(
        status=judgement.status,
        reason_code=judgement.reason_code,
        reason=reason_text(judgement, version),
        amount_mg=judgement.amount_mg,
        raw_mg=judgement.raw_mg,
    )
    if version is None:
        return explanation
    explanation = msgspec.structs.replace(
        explanation,
        methodology=_methodology(version),
        evidence=_evidence(judgement, version),
        caps=tuple(_cap(cap, version, judgement) for cap in judgement.caps),
    )
    # Only judgements that reached the formula have inputs. Later refusals (caps, minimum) keep them.
    if judgement.status is not Status.CREDITED and not judgement.raw_mg and not judgement.inputs:
        return explanation
    names = _quantities(judgement, version)
    return msgspec.structs.replace(
        explanation,
        formula=Text(formula_text(version.tree, _titles(version, "zh"), "zh"),
                     formula_text(version.tree, _titles(version, "en"), "en")),
        formula_source=version.document.formula,
        inputs=_inputs(version, names),
        factors=_factors(version),
        steps=_steps(judgement, version, names),
    )  # fmt: skip


def reason_text(judgement: Judgement, version: Compiled | None) -> Text:
    """Return one short sentence: the credited amount, or the reason of the refusal."""
    general = VERDICTS.get(judgement.reason_code)
    if judgement.status is Status.CREDITED:
        got = exact(judgement.amount_mg)
        if judgement.amount_mg < judgement.raw_mg:
            return filled(sentences.PARTLY_CREDITED, worth=exact(judgement.raw_mg), got=got)
        is_own = judgement.holder_id == judgement.account_id
        return filled(sentences.CREDITED if is_own else sentences.CREDITED_TO_HOUSEHOLD, got=got)
    if judgement.caps and version is not None:
        refused_by = {cap.id: cap for cap in version.document.caps}.get(judgement.caps[-1].cap_id)
        if refused_by is not None:
            return Text(refused_by.zh, refused_by.en)
    if judgement.reason_code == NOBODY_CARRIED:
        return VERDICTS[NOBODY_CARRIED]
    measure = _measure_text(str(judgement.detail.get("measure")))
    if measure is not None:
        return _broken_limit_text(judgement, measure)
    if version is not None and "field" in judgement.detail:
        return _missing_input_text(str(judgement.detail["field"]), version)
    if general is None:
        return Text(judgement.reason_code, judgement.reason_code)
    return general


def add_mend(explanation: Explanation, proposal_id: UUID, fields: Sequence[str]) -> Explanation:
    """Add to the explanation that two operators mended the record of the event."""
    text = filled(sentences.MENDED, count=len(fields), proposal_id=proposal_id)
    return msgspec.structs.replace(
        explanation, mend=ExplainedMend(proposal_id=proposal_id, fields=tuple(fields), text=text)
    )


def _measure_text(name: str) -> tuple[Text, Text] | None:
    """Return name and unit of a measure, also of an amount per hour and of a relation between two amounts."""
    measures = sentences.MEASURES
    if name in measures:
        return measures[name]
    if (amount := measures.get(name.removesuffix("_per_hour"))) is not None:
        title, unit = amount
        return (
            filled(sentences.PER_HOUR, title=title),
            Text(f"{unit.zh}/小时", f"{unit.en}/h" if unit.en else "per hour"),
        )
    first, found, second = name.removesuffix("_percent").partition("_to_")
    if found and first in measures and second in measures:
        return filled(sentences.RATIO, part=measures[first][0], whole=measures[second][0]), Text("%", "%")
    return None


def _missing_input_text(field: str, version: Compiled) -> Text:
    titles = [g.title for g in version.document.inputs.values() if SOURCES[g.source].field == field]
    title = titles[0].text if titles else Text(field, field)
    return filled(sentences.MISSING_INPUT, title=title)


def _broken_limit_text(judgement: Judgement, measure: tuple[Text, Text]) -> Text:
    measured, limit = int(judgement.detail["measured"]), int(judgement.detail["limit"])
    name, unit = measure
    sentence = sentences.ABOVE_LIMIT if measured > limit else sentences.BELOW_LIMIT
    if judgement.detail.get("measure") == "raw_mg":
        return filled(sentence, name=name, measured=exact(measured), limit=exact(limit))
    return filled(sentence, name=name, measured=_with_unit(measured, unit), limit=_with_unit(limit, unit))


def _with_unit(value: int, unit: Text) -> Text:
    return Text(f"{value} {unit.zh}".rstrip(), f"{value} {unit.en}".rstrip())


def _methodology(version: Compiled) -> ExplainedMethodology:
    document = version.document
    return ExplainedMethodology(
        code=document.code,
        version=document.version,
        title=document.title.text,
        summary=document.summary.text,
        issuer=document.issuer.text,
        document=document.document.title.text,
        document_url=document.document.url,
        source_status=document.source_status,
        effective_from=document.effective_from.isoformat(),
        effective_to=document.effective_to.isoformat() if document.effective_to else None,
        sha256=version.sha256,
    )


def _evidence(judgement: Judgement, version: Compiled) -> Text | None:
    if judgement.evidence_tier is None:
        return None
    name = sentences.TIERS.get(judgement.evidence_tier, Text(judgement.evidence_tier, judgement.evidence_tier))
    # The document may not accept this tier.
    multiplier = {str(tier): value for tier, value in version.document.evidence_tiers.items()}.get(
        judgement.evidence_tier
    )
    if multiplier is None:
        return filled(sentences.EVIDENCE_REFUSED, tier=name)
    return filled(sentences.EVIDENCE, tier=name, multiplier=multiplier)


def _cap(cap: AppliedCap, version: Compiled, judgement: Judgement) -> ExplainedCap:
    code = next((rule.code for rule in version.document.caps if rule.id == cap.cap_id), "DAILY_CAP")
    period = sentences.PERIODS[code]
    whose = sentences.SUBJECTS["own" if cap.per == "household" and cap.subject_id == judgement.account_id else cap.per]
    if cap.measure == "acts":
        text = filled(sentences.CAP_OF_ACTS, period=period, limit=cap.limit, whose=whose, used=cap.used_before)
    else:
        limit, used = exact(cap.limit), exact(cap.used_before)
        text = filled(sentences.CAP_OF_GRAMS, period=period, limit=limit, whose=whose, used=used)
    return ExplainedCap(
        cap_id=cap.cap_id,
        period_start=cap.period_start.isoformat(),
        measure=cap.measure,
        limit=cap.limit,
        used_before=cap.used_before,
        granted=cap.granted,
        per=cap.per,
        text=text,
    )


def _titles(version: Compiled, language: Language) -> dict[str, str]:
    titles = {name: given.title.text for name, given in version.document.inputs.items()}
    titles |= {name: factor.name.text for name, factor in version.factors.items()}
    return {name: title.pick(language) for name, title in (titles | _RESERVED_TITLES).items()}


def _quantities(judgement: Judgement, version: Compiled) -> dict[str, Quantity]:
    """Return the value of each name in the formula. Raises KeyError if the judgement lacks an input."""
    names = {name: Quantity(version.constants[name], version.units[name]) for name in version.factors}
    for name, given in version.document.inputs.items():
        field = SOURCES[given.source].field
        value = 1 if field is None else judgement.inputs[field]
        names[name] = Quantity(value, version.units[name])
    names[LEAKAGE] = Quantity(version.constants[LEAKAGE], parse_unit("gCO2e"))
    if version.improvement is not None and judgement.local_date is not None:
        names[IMPROVEMENT] = Quantity(version.improvement_factor(judgement.local_date), parse_unit("1"))
    return names


def _inputs(version: Compiled, names: dict[str, Quantity]) -> tuple[ExplainedInput, ...]:
    return tuple(
        ExplainedInput(
            name=name,
            field=SOURCES[given.source].field,
            title=given.title.text,
            value=_in_both_languages(names[name]),
        )
        for name, given in version.document.inputs.items()
    )


def _in_both_languages(value: Quantity) -> Text:
    return Text(quantity_text(value.value, value.unit, "zh"), quantity_text(value.value, value.unit, "en"))


def _factors(version: Compiled) -> tuple[ExplainedFactor, ...]:
    return tuple(
        ExplainedFactor(
            factor_id=factor.id,
            vintage=factor.vintage,
            name=factor.name.text,
            value=_factor_value(factor.value, version.units[name]),
            unit=factor.unit,
            source=factor.source,
            source_status=factor.source_status,
        )
        for name, factor in version.factors.items()
    )


def _factor_value(value: str, unit: Unit) -> Text:
    return Text(f"{value} {unit.label('zh')}".strip(), f"{value} {unit.label('en')}".strip())


def _steps(judgement: Judgement, version: Compiled, names: dict[str, Quantity]) -> tuple[Text, ...]:
    """Return the lines of the formula, then evidence, rounding and caps."""
    try:
        lines, result = calculation_steps(version.tree, names)
    except NotComputable:
        return ()
    tier = {str(name): value for name, value in version.document.evidence_tiers.items()}[str(judgement.evidence_tier)]
    weighted = Fraction(result.value) * Fraction(tier)
    if Fraction(tier) != 1:
        before, after = _in_both_languages(result), _in_both_languages(Quantity(weighted, result.unit))
        lines.append(filled(sentences.EVIDENCE_STEP, before=before, tier=tier, after=after))
    if weighted < 0:
        lines.append(sentences.NEGATIVE_STEP)
    elif weighted.denominator != 1:
        lines.append(filled(sentences.ROUNDED_STEP, amount=exact(int(weighted // 1))))
    if judgement.amount_mg != judgement.raw_mg:
        lines.append(filled(sentences.CAPPED_STEP, got=exact(judgement.amount_mg)))
    return tuple(lines)
