"""Explanation of a stored judgement for the citizen, in both languages, with the numbers of the calculation.

Pure. It needs only the judgement, the methodology version and its factors, so anyone with these can repeat it.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final
from uuid import UUID

import msgspec

from services.accounting.judging.domain import AppliedCap, Judgement, Status
from services.accounting.judging.reasons import NOBODY_CARRIED, REASONS
from services.accounting.methodologies.compiled import IMPROVEMENT, LEAKAGE, SOURCES, Compiled
from services.accounting.methodologies.errors import NotComputable
from services.accounting.methodologies.rendering import Quantity, calculation_steps, formula_text, quantity_text
from services.accounting.methodologies.units import Unit, parse_unit
from shared.language import Language, Text


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


_TIERS: Final = {
    "partner_signed": Text("合作方系统签名上报", "reported and signed by the partner"),
    "navigation_trace": Text("导航轨迹", "navigation trace"),
    "photo": Text("照片", "photo"),
    "self_declared": Text("本人申报", "self-declared"),
}
_RESERVED_TITLES: Final = {
    LEAKAGE: Text("泄漏排放", "leakage"),
    IMPROVEMENT: Text("技术改进系数", "improvement factor"),
}
_PERIODS: Final = {
    "DAILY_CAP": Text("当天", "that day"),
    "MONTHLY_CAP": Text("当月", "that month"),
    "YEARLY_CAP": Text("当年", "that year"),
}
_SUBJECTS: Final = {
    "account": Text("", ""),
    "own": Text("（您一人）", " for you alone"),
    "household": Text("（全家合计）", " for the household together"),
    "meter": Text("（这块电表）", " for this meter"),
}
# Each measure: its name and its unit.
_MEASURES: Final = {
    "distance_m": (Text("里程", "distance"), Text("米", "m")),
    "route_m": (Text("里程（对照两端直线距离）", "distance (against the straight line)"), Text("米", "m")),
    "duration_s": (Text("用时", "duration"), Text("秒", "s")),
    "elapsed_s": (Text("起止时间差", "time from start to end"), Text("秒", "s")),
    "speed_kmh": (Text("平均时速", "average speed"), Text("公里", "km/h")),
    "weight_g": (Text("重量", "weight"), Text("克", "g")),
    "energy_wh": (Text("电量", "energy"), Text("瓦时", "Wh")),
    "energy_wh_per_hour": (Text("平均功率", "mean power"), Text("瓦", "W")),
    "baseline_wh": (Text("基准电量", "baseline"), Text("瓦时", "Wh")),
    "count": (Text("数量", "count"), Text("件", "")),
    "passenger_count": (Text("乘客", "passengers"), Text("人", "")),
    "od_distance_m": (Text("起讫点距离", "direct distance"), Text("米", "m")),
    "walked_m": (Text("步行里程", "distance walked"), Text("米", "m")),
    "cycled_m": (Text("骑行里程", "distance cycled"), Text("米", "m")),
    "by_bus_m": (Text("公交里程", "distance by bus"), Text("米", "m")),
    "by_rail_m": (Text("轨道交通里程", "distance by rail"), Text("米", "m")),
    "steps": (Text("步数", "number of steps"), Text("步", "")),
    "used_wh": (Text("用电量", "electricity used"), Text("瓦时", "Wh")),
    "average_wh_7d": (Text("前七天日均用电", "mean of the seven days before"), Text("瓦时", "Wh")),
    "persons": (Text("常住人口", "number of persons"), Text("人", "")),
    "replacement_percent": (Text("新品替代率", "replacement rate"), Text("%", "%")),
    "raw_mg": (Text("减排量", "reduction"), Text("毫克", "mg")),
}


def grams_text(amount_mg: int) -> Text:
    """Return milligrams as text in grams: 94400 -> 94.4 克."""
    whole, rest = divmod(abs(amount_mg), 1000)
    number = f"{'−' if amount_mg < 0 else ''}{whole}{f'.{rest:03d}'.rstrip('0') if rest else ''}"
    return Text(f"{number} 克", f"{number} g")


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
    general = REASONS.get(judgement.reason_code)
    if judgement.status is Status.CREDITED:
        got = grams_text(judgement.amount_mg)
        if judgement.amount_mg < judgement.raw_mg:
            worth = grams_text(judgement.raw_mg)
            return Text(
                f"接近上限：这一次本可累计 {worth.zh}，额度只剩 {got.zh}，计入 {got.zh}。",
                f"Close to the limit: the act is worth {worth.en}, {got.en} were left and are credited.",
            )
        if judgement.holder_id != judgement.account_id:
            return Text(f"累计 {got.zh}，记入家庭账户。", f"{got.en} credited to your household's account.")
        return Text(f"累计 {got.zh}。", f"{got.en} credited.")
    if judgement.caps and version is not None:
        refused_by = {cap.id: cap for cap in version.document.caps}.get(judgement.caps[-1].cap_id)
        if refused_by is not None:
            return Text(refused_by.zh, refused_by.en)
    if judgement.reason_code == NOBODY_CARRIED:
        return REASONS[NOBODY_CARRIED]
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
    names = ", ".join(fields)
    text = Text(
        f"合作方上报的数据有 {len(fields)} 项无法读取（{names}），由两位运营人员核对后补正，提案编号 {proposal_id}。",
        f"{names} could not be read as reported; two operators mended it (proposal {proposal_id}).",
    )
    return msgspec.structs.replace(
        explanation, mend=ExplainedMend(proposal_id=proposal_id, fields=tuple(fields), text=text)
    )


def _measure_text(name: str) -> tuple[Text, Text] | None:
    """Return name and unit of a measure, also of an amount per hour and of a relation between two amounts."""
    if name in _MEASURES:
        return _MEASURES[name]
    if (amount := _MEASURES.get(name.removesuffix("_per_hour"))) is not None:
        title, unit = amount
        return (
            Text(f"平均每小时{title.zh}", f"{title.en} per hour"),
            Text(f"{unit.zh}/小时", f"{unit.en}/h" if unit.en else "per hour"),
        )
    first, found, second = name.removesuffix("_percent").partition("_to_")
    if found and first in _MEASURES and second in _MEASURES:
        part, whole = _MEASURES[first][0], _MEASURES[second][0]
        return Text(f"{part.zh}与{whole.zh}之比", f"{part.en} relative to the {whole.en}"), Text("%", "%")
    return None


def _missing_input_text(field: str, version: Compiled) -> Text:
    titles = [g.title for g in version.document.inputs.values() if SOURCES[g.source].field == field]
    title = titles[0].text if titles else Text(field, field)
    return Text(
        f"合作方没有提供{title.zh}，无法核算。",
        f"The partner did not report the {title.en}, so the amount cannot be calculated.",
    )


def _broken_limit_text(judgement: Judgement, measure: tuple[Text, Text]) -> Text:
    measured, limit = int(judgement.detail["measured"]), int(judgement.detail["limit"])
    name, unit = measure
    zh, en = ("超过上限", "above the limit") if measured > limit else ("低于下限", "below the limit")
    sentence = f"The {name.en} of {measured} {unit.en}".rstrip() + f" is {en} of {limit} {unit.en}".rstrip()
    return Text(
        f"{name.zh} {measured} {unit.zh}，{zh} {limit} {unit.zh}，没有累计。", f"{sentence}. It does not count."
    )


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
    name = _TIERS.get(judgement.evidence_tier, Text(judgement.evidence_tier, judgement.evidence_tier))
    # The document may not accept this tier.
    multiplier = {str(tier): value for tier, value in version.document.evidence_tiers.items()}.get(
        judgement.evidence_tier
    )
    if multiplier is None:
        return Text(f"{name.zh}（不接受）", f"{name.en} (not accepted)")
    return Text(f"{name.zh}（系数 {multiplier}）", f"{name.en} (multiplier {multiplier})")


def _cap(cap: AppliedCap, version: Compiled, judgement: Judgement) -> ExplainedCap:
    code = next((rule.code for rule in version.document.caps if rule.id == cap.cap_id), "DAILY_CAP")
    period = _PERIODS[code]
    whose = _SUBJECTS["own" if cap.per == "household" and cap.subject_id == judgement.account_id else cap.per]
    if cap.measure == "acts":
        text = Text(
            f"{period.zh}上限 {cap.limit} 次{whose.zh}，此前已计 {cap.used_before} 次",
            f"limit {cap.limit} acts {period.en}{whose.en}, {cap.used_before} counted before",
        )
    else:
        limit, used = grams_text(cap.limit), grams_text(cap.used_before)
        text = Text(
            f"{period.zh}上限 {limit.zh}{whose.zh}，此前已计 {used.zh}",
            f"limit {limit.en} {period.en}{whose.en}, {used.en} counted before",
        )
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
        lines, exact = calculation_steps(version.tree, names)
    except NotComputable:
        return ()
    tier = {str(name): value for name, value in version.document.evidence_tiers.items()}[str(judgement.evidence_tier)]
    weighted = Fraction(exact.value) * Fraction(tier)
    if Fraction(tier) != 1:
        before, after = _in_both_languages(exact), _in_both_languages(Quantity(weighted, exact.unit))
        lines.append(Text(f"{before.zh} × 证明系数 {tier} = {after.zh}", f"{before.en} × evidence {tier} = {after.en}"))
    if weighted < 0:
        lines.append(Text("结果为负，按 0 计", "negative, counted as 0"))
    elif weighted.denominator != 1:
        floored = grams_text(int(weighted // 1))
        lines.append(Text(f"舍去不足 1 毫克的部分：{floored.zh}", f"rounded down to whole milligrams: {floored.en}"))
    if judgement.amount_mg != judgement.raw_mg:
        got = grams_text(judgement.amount_mg)
        lines.append(Text(f"按上限计入 {got.zh}", f"after caps: {got.en}"))
    return tuple(lines)
