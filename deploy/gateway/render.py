"""Makes the gateway's configuration out of the template, and finds the program that runs it."""

import importlib.util
import json
import os
import shutil
from pathlib import Path
from string import Template
from typing import Any

import yaml

from deploy.gateway.replies import mappers
from deploy.gateway.settings import GatewaySettings

TEMPLATE = Path(__file__).with_name("envoy.template.yaml")
SERVICES = ("accounts", "ingest", "accounting", "rewards")


def _assignment(service: str, endpoint: str) -> str:
    host, _, port = endpoint.rpartition(":")
    address = {"socket_address": {"address": host, "port_value": int(port)}}
    return json.dumps({"cluster_name": service, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]})


def render(settings: GatewaySettings) -> str:
    """The complete configuration as YAML, without anchors (Envoy's reader knows no merge keys)."""
    values = {name.upper(): str(value) for name, value in settings.model_dump().items()}
    values |= {service.upper(): _assignment(service, getattr(settings, service)) for service in SERVICES}
    values["LOCAL_REPLIES"] = json.dumps(mappers())
    document: dict[str, Any] = yaml.safe_load(Template(TEMPLATE.read_text(encoding="utf-8")).substitute(values))
    return yaml.dump(document, Dumper=_NoAnchors, allow_unicode=True, sort_keys=False, width=120)


class _NoAnchors(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def envoy_program() -> Path:
    """Envoy: ENVOY_BIN, the one on PATH of an image, or the wheel's. Raises FileNotFoundError."""
    chosen = os.environ.get("ENVOY_BIN")
    if chosen:
        return Path(chosen)
    # The wheel's program itself, not its console script: that one breaks when the path of the checkout has spaces.
    spec = importlib.util.find_spec("envoy")
    if spec is not None and spec.origin is not None:
        program = Path(spec.origin).parent / "_bin" / "envoy"
        if os.access(program, os.X_OK):
            return program
    found = shutil.which("envoy")
    if found is None:
        raise FileNotFoundError("envoy")
    return Path(found)


def envoy_command(program: Path, config: Path, *, concurrency: int) -> list[str]:
    """Arguments of a gateway process; without hot restart, whose shared memory two stacks would fight over."""
    return [
        str(program),
        "-c",
        str(config),
        "--disable-hot-restart",
        "--concurrency",
        str(concurrency),
        "-l",
        "warning",
    ]
