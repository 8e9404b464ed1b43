"""Names of households and people without an open id when keys change, and names before WeChat's check."""

from pydantic import SecretStr

from services.accounts.resources import vault_of
from services.accounts.settings import Settings
from tests.accounts.conftest import Db, People, code_of
from tests.accounts.fakes import FakeIngest
from tests.accounts.rotating import SECOND_KEY, SECOND_PEPPER, changed, log_in, process, rotate_index, seal_all
from tests.accounts.test_family_cards import CONSENT, open_card

HOME = {"name": "江边三口之家", "nickname": "小雨"}


async def test_names_and_labels_are_sealed_anew_and_the_former_key_can_go(
    settings: Settings, ingest: FakeIngest, people: People, db: Db
) -> None:
    anna = await people.new("anna")
    opened = await anna.call("POST", "/households", json=HOME)
    assert opened.status_code == 201, opened.text
    await open_card(anna, label="外婆")
    await open_card(anna)  # without a label
    first = settings.phone_encryption_key.get_secret_value()
    both = changed(
        settings, phone_encryption_key=SecretStr(SECOND_KEY), phone_encryption_keys_former=SecretStr(f"1:{first}")
    )
    assert await seal_all(both) == 4  # the open id, the name, the nickname and the label
    assert await seal_all(both) == 0
    versions = await db.fetch(
        "SELECT get_byte(name_sealed, 0) AS n FROM accounts.household"
        " UNION ALL SELECT get_byte(nickname_sealed, 0) FROM accounts.household_member"
        " UNION ALL SELECT get_byte(label_sealed, 0) FROM accounts.family_card WHERE label_sealed IS NOT NULL"
    )
    assert [row["n"] for row in versions] == [2, 2, 2]
    async with process(changed(settings, phone_encryption_key=SecretStr(SECOND_KEY)), ingest) as (client, _):
        again = await log_in(client, "anna")
        household = (await again.call("GET", "/me")).json()["household"]
        assert household["name"] == HOME["name"]
        assert [one["nickname"] for one in household["people"]] == [HOME["nickname"]]
        cards = (await again.call("GET", "/me/family-cards")).json()["items"]
        assert [card["label"] for card in cards] == [None, "外婆"]


async def test_a_rotation_of_the_index_passes_people_without_an_open_id(
    settings: Settings, ingest: FakeIngest, people: People, db: Db
) -> None:
    anna = await people.new("anna")
    card = (await open_card(anna))["card"]  # the newest user has no open id
    both = changed(
        settings, phone_pepper=SecretStr(SECOND_PEPPER), phone_peppers_former=SecretStr("phone-pepper-for-tests")
    )
    await rotate_index(both)
    second = changed(settings, phone_pepper=SecretStr(SECOND_PEPPER))
    vault = vault_of(second)
    hashes = [row["openid_hash"] for row in await db.fetch("SELECT openid_hash FROM accounts.app_user ORDER BY 1")]
    assert hashes == [vault.hashes("openid", "anna")[0], None]
    async with process(second, ingest) as (client, _):
        proxy, grandma = await log_in(client, "anna"), await log_in(client, "grandma")
        assert proxy.user_id == anna.user_id
        code = (await proxy.call("POST", f"/me/family-cards/{card['card_id']}/handover")).json()["code"]
        taken = await grandma.call("POST", "/me/family-cards/claim", json={"code": code, "consent": CONSENT})
        assert taken.status_code == 200, taken.text
        holder = await log_in(client, "grandma")
        assert (await holder.call("GET", "/me")).json()["carbon_account"]["account_no"] == card["account_no"]


async def test_names_that_wechat_refuses_or_doubts_are_not_stored(people: People, db: Db) -> None:
    anna = await people.new("anna")
    risky = await anna.call("POST", "/households", json={"name": "违禁的名字"})
    assert code_of(risky) == (422, "TEXT_RISKY")
    assert (await anna.call("GET", "/me")).json()["household"] is None
    household = (await anna.call("POST", "/households", json={})).json()["household_id"]
    path = f"/households/{household}"
    assert code_of(await anna.call("PUT", f"{path}/name", json={"name": "待审的名字"})) == (409, "TEXT_UNDER_REVIEW")
    assert code_of(await anna.call("PUT", f"{path}/members/me", json={"nickname": "违禁"})) == (422, "TEXT_RISKY")
    assert await db.fetchval("SELECT count(*) FROM accounts.household WHERE name_sealed IS NOT NULL") == 0
    assert await db.fetchval("SELECT count(*) FROM accounts.household_member WHERE nickname_sealed IS NOT NULL") == 0


async def test_a_child_takes_no_card_over_without_a_guardian(people: People) -> None:
    anna, child = await people.new("anna"), await people.new("child", with_account=False)
    told = await child.call("POST", "/me/carbon-account", json={"consent": CONSENT, "under_14": True})
    assert code_of(told) == (403, "GUARDIAN_REQUIRED")
    card = (await open_card(anna))["card"]
    code = (await anna.call("POST", f"/me/family-cards/{card['card_id']}/handover")).json()["code"]
    claimed = await child.call("POST", "/me/family-cards/claim", json={"code": code, "consent": CONSENT})
    assert code_of(claimed) == (403, "GUARDIAN_REQUIRED")
