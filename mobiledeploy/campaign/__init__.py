"""One `mobiledeploy bench`: packages, ours and anybody's, become jobs, devices do them, reports become summaries.

PACKAGE ─prepare─▶ Prepared ─enqueue─▶ queue ═ phone, simulated phone, devicectl ═▶ store ─summarize─▶ tables
"""
