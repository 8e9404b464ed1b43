"""`python -m deploy.check_settings [SERVICE …]`: what `PROFILE=production` would refuse, without starting anything.

It reads the same variables as the services and the gateway. Exit code: 0 nothing, 1 something is unsafe.
"""

import sys
from collections.abc import Sequence

from pydantic import ValidationError

from deploy.gateway.settings import GatewaySettings
from services.accounting.settings import Settings as AccountingSettings
from services.accounts.settings import Settings as AccountsSettings
from services.ingest.settings import Settings as IngestSettings
from services.rewards.settings import Settings as RewardsSettings
from shared.production import Finding, UnsafeSettings
from shared.settings import ServiceSettings

SETTINGS: dict[str, type[ServiceSettings]] = {
    "accounts": AccountsSettings,
    "ingest": IngestSettings,
    "accounting": AccountingSettings,
    "rewards": RewardsSettings,
}
GATEWAY = "gateway"


def findings_of(service: str) -> tuple[Finding, ...]:
    """Everything unsafe, missing or malformed in the settings of a service or of the gateway."""
    if service == GATEWAY:
        return _gateway_findings()
    try:
        SETTINGS[service](profile="production")
    except UnsafeSettings as unsafe:
        return unsafe.findings
    return ()


def _gateway_findings() -> tuple[Finding, ...]:
    try:
        return tuple(GatewaySettings().production_findings())
    except ValidationError as exc:
        wrong = exc.errors(include_url=False, include_input=False, include_context=False)
        names = [f"GATEWAY_{one['loc'][0]}".upper() for one in wrong]
        return tuple(
            Finding(name, "格式有误", f"malformed: {one['msg']}") for name, one in zip(names, wrong, strict=True)
        )


def main(services: Sequence[str]) -> int:
    known = (*SETTINGS, GATEWAY)
    if set(services) - set(known):
        print(f"用法 usage: python -m deploy.check_settings [{' | '.join(known)}]", file=sys.stderr)
        return 2
    found = {service: findings_of(service) for service in services or known}
    for service, findings in found.items():
        print(f"{service}: {'可以上线 safe' if not findings else f'{len(findings)} 项不安全 unsafe'}")
        for finding in findings:
            print(f"  {finding}")
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
