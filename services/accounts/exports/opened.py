"""Values that are sealed at rest, opened for the export of their person. Other rows come from the register."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from services.accounts.enterprise_members import service as enterprise_members
from services.accounts.enterprises import service as enterprises
from services.accounts.family_cards import service as family_cards
from services.accounts.freeze_questions import service as freeze_questions
from services.accounts.guardians import service as guardians
from services.accounts.households import service as households
from services.accounts.phones import service as phones
from services.accounts.settings import Settings
from services.accounts.text_checks import service as text_checks
from services.accounts.vault import Vault
from shared.contracts.personal_rows import PersonalDataPage, PersonalRow
from shared.db import Session

_TITLES: Final = {
    "phone_number": "手机号",
    "age_and_guardians": "年龄声明与监护",
    "household_stay": "家庭与昵称",
    "family_card_in_care": "代管或持有的亲情卡",
    "enterprise_application": "企业申请与联系人",
    "enterprise_membership": "企业成员身份与姓名",
    "question_about_freeze": "对冻结的提问与答复",
    "checked_text": "人工审核的文字",
}


async def opened_page(session: Session, *, settings: Settings, vault: Vault, user_id: uuid.UUID) -> PersonalDataPage:
    number = await phones.read_number(session, vault=vault, user_id=user_id)
    age = await guardians.export_user(session, settings=settings, user_id=user_id)
    found: dict[str, Iterable[Mapping[str, object]]] = {
        "phone_number": [] if number is None else [{"phone": number}],
        "age_and_guardians": [age] if any(age.values()) else [],
        "household_stay": await households.export_user(session, vault=vault, user_id=user_id),
        "family_card_in_care": await family_cards.export_user(session, vault=vault, user_id=user_id),
        "enterprise_application": await enterprises.export_user(session, user_id=user_id, vault=vault),
        "enterprise_membership": await enterprise_members.export_user(session, user_id=user_id, vault=vault),
        "question_about_freeze": await freeze_questions.export_user(session, vault=vault, user_id=user_id),
        "checked_text": await text_checks.export_user(session, vault=vault, user_id=user_id),
    }
    rows = [PersonalRow(table=table, row=msgspec.to_builtins(row)) for table, many in found.items() for row in many]
    return PersonalDataPage(rows=rows, titles={row.table: _TITLES[row.table] for row in rows}, after=None)
