"""Plumbing for all services.

Admission rule: a module here is used by at least two services, knows no noun of a service (trips, grams, vouchers), has
its own tests and imports no service. Five modules know nouns of services, each for a reason:

* `contracts` holds the topics and HTTP models that cross a border between services, and nothing else.
* `amounts` formats milligrams, because accounting and rewards must show one amount in the same way.
* `telemetry` holds every metric name, so that dashboards and alerts have one list.
* `openapi` holds the codes of the gateway, because clients get them from every service.
* `migrations`, `docs_page` and `asyncapi` list the four services: they are the tools that run over all of them.
"""
