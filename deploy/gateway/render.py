"""Renders Envoy's configuration from the template and finds the Envoy program."""

import importlib.util
import json
import os
import shutil
from pathlib import Path
from string import Template
from typing import Any

import yaml

from deploy.gateway import limits
from deploy.gateway.replies import reply_mappers
from deploy.gateway.settings import GatewaySettings

TEMPLATE = Path(__file__).with_name("envoy.template.yaml")
SERVICES = ("accounts", "ingest", "accounting", "rewards")
# Where the token check leaves the verified subject.
_SUBJECT = {
    "descriptor_key": "subject",
    "source": "DYNAMIC",
    "skip_if_absent": True,
    "metadata_key": {"key": "envoy.filters.http.jwt_authn", "path": [{"key": "token"}, {"key": "sub"}]},
}


def _assignment(service: str, endpoint: str) -> str:
    host, _, port = endpoint.rpartition(":")
    address = {"socket_address": {"address": host, "port_value": int(port)}}
    return json.dumps({"cluster_name": service, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]})


def render(settings: GatewaySettings) -> str:
    """Return the complete configuration as YAML. It has no anchors, because Envoy's reader knows no merge keys."""
    values = {name.upper(): str(value) for name, value in settings.model_dump().items()}
    clusters = {name: name for name in (*SERVICES, "pages")} | {f"{name}_documents": name for name in SERVICES}
    values |= {name.upper(): _assignment(name, getattr(settings, endpoint)) for name, endpoint in clusters.items()}
    routes = limits.with_changes(settings.route_limits)
    address = limits.Rate(settings.address_per_s, settings.address_burst)
    subject = limits.Rate(settings.subject_per_s, settings.subject_burst)
    values["ADDRESS_ACTIONS"] = json.dumps(limits.actions_by_address(routes))
    values["ADDRESS_DESCRIPTORS"] = json.dumps(limits.descriptors(routes, "remote_address", address))
    values["SUBJECT_ACTIONS"] = json.dumps(limits.actions_by_person(routes, _SUBJECT))
    values["SUBJECT_DESCRIPTORS"] = json.dumps(limits.descriptors(routes, "subject", subject))
    values["LOCAL_REPLIES"] = json.dumps(reply_mappers())
    document: dict[str, Any] = yaml.safe_load(Template(TEMPLATE.read_text(encoding="utf-8")).substitute(values))
    return yaml.dump(document, Dumper=_NoAnchors, allow_unicode=True, sort_keys=False, width=120)


class _NoAnchors(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def envoy_program() -> Path:
    """Find Envoy: ENVOY_BIN, then the wheel, then PATH (in an image). Raises FileNotFoundError."""
    chosen = os.environ.get("ENVOY_BIN")
    if chosen:
        return Path(chosen)
    # The program in the wheel, not its console script, which breaks on spaces in the path of the checkout.
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
    """Return the arguments of a gateway process. Hot restart is off: two stacks would share its memory."""
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
