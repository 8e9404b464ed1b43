"""`python -m deploy.gateway`: prints Envoy's configuration for the GATEWAY_* variables of the environment."""

import sys

from deploy.gateway.render import render
from deploy.gateway.settings import GatewaySettings

sys.stdout.write(render(GatewaySettings()))
