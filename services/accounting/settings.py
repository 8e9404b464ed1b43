"""The only reader of ACCOUNTING_* variables."""

from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="ACCOUNTING_", frozen=True, extra="ignore", hide_input_in_errors=True)
