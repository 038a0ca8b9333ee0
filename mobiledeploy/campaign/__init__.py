"""One `mobiledeploy bench`: exported packages become jobs, devices do them, reports become summaries.

exports/NAME ─prepare─▶ Prepared ─enqueue─▶ queue ═ phone, simulated phone, devicectl ═▶ store ─summarize─▶ tables
"""
