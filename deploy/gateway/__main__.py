"""`python -m deploy.gateway`: prints Envoy's configuration for the GATEWAY_* variables of the environment.

With PROFILE=production it prints unsafe variables instead, and no configuration.
"""

import os
import sys

from deploy.gateway.render import render
from deploy.gateway.settings import GatewaySettings
from shared.production import PROFILE_VARIABLE, UnsafeSettings

settings = GatewaySettings()
found = settings.production_findings()
if found and os.environ.get(PROFILE_VARIABLE, "development") != "development":
    raise UnsafeSettings(found)
sys.stdout.write(render(settings))
