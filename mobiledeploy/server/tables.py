"""The tables of the store. Rows are only ever added: what happened later is a row that refers to the earlier one.

    tokens ◀─ devices ◀─ leases ─▶ jobs ◀─ cancellations
                          ▲ ▲        ▲
                    endings renewals reports

A job is open while it has neither a report nor a cancellation, a lease while it has no ending. The constraints are what
makes a report count once: one per job, one per lease and ending, one device per token.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "FORMAT",
    "METADATA",
    "cancellations",
    "devices",
    "endings",
    "formats",
    "jobs",
    "keys",
    "leases",
    "renewals",
    "reports",
    "tokens",
]

FORMAT = 2
"""Of the tables; a store of a newer one is refused, an older one is brought up to it (store_format.py)."""

METADATA = MetaData()

formats = Table("formats", METADATA, Column("version", Integer, primary_key=True))

keys = Table(
    "keys", METADATA, Column("name", String(32), primary_key=True), Column("value", String(64), nullable=False)
)

tokens = Table(
    "tokens",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("expires", Float, nullable=False),
)

devices = Table(
    "devices",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("token", ForeignKey(tokens.c.digest), nullable=False, unique=True),
    Column("request", String(64), nullable=False),
    Column("secret", String(64), nullable=False, unique=True),
    Column("document", Text, nullable=False),
    Column("paired", String(32), nullable=False),
)

# `files`: the identity of the folder that has the job's files; any host may give out a job without one.
jobs = Table(
    "jobs",
    METADATA,
    Column("position", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("campaign", String(64), nullable=False, index=True),
    Column("subject", String(128), nullable=False),
    Column("device", String(32), nullable=True),
    Column("document", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("added", String(32), nullable=False),
    Column("files", String(32), nullable=True),
    UniqueConstraint("campaign", "id"),
)

leases = Table(
    "leases",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("job", ForeignKey(jobs.c.id), nullable=False, index=True),
    Column("device", ForeignKey(devices.c.id), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("given", String(32), nullable=False),
    UniqueConstraint("job", "attempt"),
)

endings = Table(
    "endings",
    METADATA,
    Column("lease", ForeignKey(leases.c.id), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("retry", Boolean, nullable=False),
    Column("at", String(32), nullable=False),
)

# One for every few heartbeats: how a host learns that the phone of another host on the same store is alive.
renewals = Table(
    "renewals",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("lease", ForeignKey(leases.c.id), nullable=False, index=True),
)

cancellations = Table(
    "cancellations",
    METADATA,
    Column("job", ForeignKey(jobs.c.id), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", String(32), nullable=False),
)

# `job` is no foreign key: an imported report may be of a job of another host.
reports = Table(
    "reports",
    METADATA,
    Column("job", String(64), primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("device", String(32), nullable=True),
    Column("digest", String(64), nullable=False),
    Column("standing", String(16), nullable=False, index=True),
    Column("imported", Boolean, nullable=False),
    Column("document", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("received", String(32), nullable=False, index=True),
    Index("reports_latest", "standing", "received", "job"),
)
