import uuid
from typing import Self

from pydantic import BaseModel, Field

from services.accounts.carbon_accounts.schemas import CarbonAccountOut
from services.accounts.erasures.schemas import PlannedErasureOut
from services.accounts.freezes.client import Freeze
from services.accounts.households.schemas import HouseholdOut
from services.accounts.profile.service import Profile
from services.accounts.sentences.names import HOUSEHOLD_STAY_ENDED
from shared.contracts.account_state import FREEZE_REASONS, FreezeReason
from shared.instants import Instant
from shared.language import Language


class BindingSummaryOut(BaseModel):
    active: int = Field(examples=[2])
    partner_ids: list[str] = Field(examples=[["didi", "metro"]])


class FreezeOut(BaseModel):
    since: Instant
    reason_code: FreezeReason
    reason: str = Field(examples=[FREEZE_REASONS["other"].zh])

    @classmethod
    def of(cls, freeze: Freeze | None, language: Language) -> Self | None:
        if freeze is None or freeze.since is None:
            return None
        code = freeze.reason or "other"
        return cls(since=freeze.since, reason_code=code, reason=FREEZE_REASONS[code].pick(language))


class ProfileOut(BaseModel):
    user_id: uuid.UUID
    created_at: Instant
    carbon_account: CarbonAccountOut | None
    frozen: bool | None = Field(
        None,
        description="碳账户是否冻结；查不到时为空 Null without an account or an answer",
    )
    notice: str | None = Field(None, description="冻结说明与联系方式 What a freeze means, and whom to ask")
    freeze: FreezeOut | None = Field(
        None,
        description="何时、为何冻结；提问用 POST /me/freeze-questions Since when and why; ask with freeze-questions",
    )
    household: HouseholdOut | None = Field(description="所在家庭，未加入为空 The household of which I am a member")
    household_notice: str | None = Field(
        None, description="户主把我移出家庭后的说明，30 天内显示 For 30 days after the owner has ended my stay"
    )
    phone_masked: str | None = Field(examples=["138****5678"])
    data_processing_consent: bool = Field(
        description="是否同意处理低碳行为数据 Whether low-carbon activities may be processed"
    )
    bindings: BindingSummaryOut
    erasure: PlannedErasureOut | None = Field(
        None, description="已申请的注销，没有则为空 The planned erasure of this account"
    )

    @classmethod
    def of(
        cls,
        profile: Profile,
        *,
        language: Language,
        frozen: bool | None = None,
        notice: str | None = None,
        freeze: FreezeOut | None = None,
    ) -> Self:
        return cls(
            user_id=profile.user_id,
            created_at=profile.created_at,
            carbon_account=CarbonAccountOut.of(profile.account) if profile.account else None,
            frozen=frozen,
            notice=notice,
            freeze=freeze,
            household=HouseholdOut.of(profile.household) if profile.household else None,
            household_notice=HOUSEHOLD_STAY_ENDED.pick(language) if profile.removal else None,
            phone_masked=profile.phone_masked,
            data_processing_consent=profile.data_processing_consent,
            bindings=BindingSummaryOut(
                active=len(profile.bound_partner_ids), partner_ids=list(profile.bound_partner_ids)
            ),
            erasure=PlannedErasureOut.of(profile.erasure) if profile.erasure else None,
        )
