"""Contracts between services: topics, internal HTTP models. Changes are additive, a breaking one is a new version."""
