"""Accounts whose person is erased or being erased: late facts about them are recognised by the account id."""
