"""Metadata and declarative base of the schema `accounts`."""

from datetime import datetime

from sqlalchemy import DateTime, Text
from sqlalchemy.orm import DeclarativeBase

from shared.db import metadata_for
from shared.plumbing import add_plumbing_tables

SCHEMA = "accounts"
metadata = metadata_for(SCHEMA)
add_plumbing_tables(metadata)


class Base(DeclarativeBase):
    metadata = metadata
    type_annotation_map = {datetime: DateTime(timezone=True), str: Text}  # noqa: RUF012 - as SQLAlchemy documents it
