"""Figures from raw samples: every protocol is computed here, from the same report.

UnitRun ─▶ Series ─▶ protocols, interval, drift, outliers ─▶ UnitSummary
"""
