"""Proof that an artifact computes what the original model computed.

inputs ─samples→ Sample ─record_reference→ Reference ─check→ ParityReport
                   │                           ↑                │ failed?
                   └──────── the ORIGINAL float32 model         └─divergence→ the first operator that went astray
"""
