"""The host that phones talk to: pairing, a queue of jobs, blobs by content, reports in an append-only store.

    packages ─▶ Job ─▶ queue ─lease─▶ phone ─▶ blobs, report ─▶ reception ─▶ ledger ─▶ results

docs/protocol.md is what goes over the wire.
"""
