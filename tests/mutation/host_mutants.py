"""Mistakes in the host: pairing, leases, reports, blobs, requests, campaigns."""

from __future__ import annotations

from mutant import HOST, Mutant

__all__ = ["HOST_MUTANTS"]

Row = tuple[str, str, str]

_TABLE: dict[tuple[str, str], tuple[Row, ...]] = {
    ("server.queue", "server_queue server_leases"): (
        ("a lease never expires", "if now - self._renewed[lease] > self._terms.lease_seconds:",
         "if False:"),
        ("one living lease keeps all others", "if all(now - at", "if any(now - at"),
        ("a lease of another device is renewed", "if row.device != device.id:", "if False:"),
        ("a lost lease is renewed", "if row.kind is not None:", "if False:"),
        ("asking again does not renew", "self._renewed[held.id] = self._clock()", "pass"),
        ("a heartbeat does not renew", "self._renewed[lease], self._progress[lease] = self._clock(), progress",
         "self._progress[lease] = progress"),
        ("a job is given out without end", ", self._attempts > _TIMES_GIVEN)", ")"),
        ("a job is given out once too often", "self._attempts > _TIMES_GIVEN", "self._attempts >= _TIMES_GIVEN"),
        ("every attempt is the first", "given + 1)", "1)"),
        ("a leased job is given to a second device", "~_CANCELLED, ~_LEASED, ~_GIVEN_BACK",
         "~_CANCELLED, ~_GIVEN_BACK"),
        ("a new host ends leases at once", "self._renewed.setdefault(lease, now)",
         "self._renewed.setdefault(lease, 0)"),
        ("any lease that is over counts as released", 'if ended == "released":', "if ended:"),
        ("a job that was tried too often still waits", "elif row.given_back or attempt >= self._attempts:",
         "elif row.given_back:"),
        ("a reported job is cancelled", "where(named, ~_REPORTED, ~_CANCELLED)", "where(named, ~_CANCELLED)"),
        ("all campaigns are cancelled", "where(named, ~_REPORTED", "where(~_REPORTED"),
        ("another package of the campaign counts as the same", "            other.c.subject == jobs.c.subject,\n", ""),
        ("another campaign of the package counts too", "            other.c.campaign == jobs.c.campaign,\n", ""),
    ),
    ("server.queue", "server_exchange::test_jobs_of_one_subject_go_to_different_devices"): (
        ("a reported job is given again", ".where(~_REPORTED, ~_CANCELLED, ~_LEASED", ".where(~_CANCELLED, ~_LEASED"),
        ("one device does the same package twice", ".where(~sibling, self._has_files())", ".where(self._has_files())"),
        ("a reported job keeps its lease", '        _end(connection, lease, "reported", "", retry=True)',
         "        pass"),
    ),
    ("server.queue", "server_exchange::test_progress_is_heard_and_a_cancelled_job_says_so"): (
        ("a cancelled job is given", "~_REPORTED, ~_CANCELLED, ~_LEASED", "~_REPORTED, ~_LEASED"),
        ("nobody is told that a job was cancelled", "cancellations.c.job == job)).first()",
         "cancellations.c.job == lease)).first()"),
    ),
    ("server.queue", "server_exchange::test_a_released_job_is_given_again_and_a_refused_one_is_not"): (
        ("a job that was refused for good is given again", "~_LEASED, ~_GIVEN_BACK, ", "~_LEASED, "),
        ("every released job may be tried again", "retry=release.retry)", "retry=True)"),
        ("a release is no longer repeatable", 'if ended == "released":', "if False:"),
    ),
    ("server.queue", "server_exchange::test_a_job_for_one_device_goes_to_no_other"): (
        ("a job for one device is given to any",
         "            .where(or_(jobs.c.device.is_(None), jobs.c.device.in_((device.id, kind))))\n", ""),
    ),
    ("server.queue", "server_exchange::test_two_phones_share_the_queue"): (
        ("the last job comes first", ".order_by(jobs.c.position)\n            .limit(1)",
         ".order_by(jobs.c.position.desc())\n            .limit(1)"),
    ),
    ("server.queue", "server_abuse::test_a_device_without_a_job_sends_nothing"): (
        ("any device reports any job", "leases.c.job == job, leases.c.device == device).limit(1)",
         "leases.c.job == job).limit(1)"),
    ),
    ("server.pairing", "server_pairing"): (
        ("a token never expires", " or expires < self._clock():", ":"),
        ("a token lives for a day", "TOKEN_SECONDS = 600.0", "TOKEN_SECONDS = 86400.0"),
        ("L is not read as 1", '"L": "1", ', ""),
        ("O is not read as 0", '"O": "0", ', ""),
        ("a version that we do not speak is agreed on", "if PROTOCOL in offered:", "if offered:"),
        ("the wrong side is told to update", "older = max(offered, default=0) < PROTOCOL",
         "older = max(offered, default=0) > PROTOCOL"),
        ("a refused version uses the token up", "            protocol = _common(request.protocols)\n", ""),
    ),
    ("server.pairing", "server_exchange::test_a_lost_pairing_answer_is_given_again_to_the_same_request_only"): (
        ("a token pairs twice", "if found is not None or expires is None", "if expires is None"),
        ("the lost answer is given to anybody", "hmac.compare_digest(found.request, asked)", "True"),
    ),
    ("server.pairing", "server_abuse::test_wrong_and_empty_tokens_are_refused"): (
        ("an unknown token pairs", "or expires is None or expires < self._clock():",
         "or (expires or 9e9) < self._clock():"),
    ),
    ("server.pairing", "server_exchange::test_two_phones_share_the_queue"): (
        ("one secret for all", 'f"{token} {asked}".encode()', 'b"mobiledeploy"'),
    ),
    ("server.pairing", "server_exchange::test_a_phone_goes_from_pairing_to_a_stored_report"): (
        ("beats and leases exchanged", "self._terms.heartbeat_seconds, self._terms.lease_seconds)",
         "self._terms.lease_seconds, self._terms.heartbeat_seconds)"),
    ),
    ("server.desk", "server_desk"): (
        ("blobs of all jobs are given", "            .where(leases.c.device == device.id)\n", ""),
        ("guessing is never forgiven", "while wrong and now - wrong[0] > _MINUTE:", "while False:"),
        ("outputs without end", "if sent > _OUTPUTS_OF_A_JOB:", "if False:"),
        ("outputs are not summed", "size + (before if counted == job else 0)", "size"),
        ("the outputs of all jobs are summed", "(before if counted == job else 0)", "before"),
        ("outputs count for the first job", "leases.c.given.desc(), leases.c.attempt.desc()", "leases.c.given"),
        ("a device that has reported goes on sending", ", reports.c.job.is_(None))", ")"),
    ),
    ("server.desk", "server_abuse::test_guessing_tokens_is_slowed_down"): (
        ("guessing is never slowed", "if len(wrong) >= _WRONG_TOKENS:", "if len(wrong) > _WRONG_TOKENS:"),
        ("wrong tokens are not counted", ".append(time.monotonic())", ""),
    ),
    ("server.paths", "server_abuse::test_guessing_tokens_is_slowed_down"): (
        ("refused tokens are not noted", 'if refusal.problem.code == "token":', "if False:"),
    ),
    ("server.paths", "server_abuse::test_blobs_of_other_jobs_are_not_given"): (
        ("any blob is given to any device", "if not await run_in_threadpool(self._desk.offers, device, digest):",
         "if False:"),
    ),
    ("server.desk", "server_exchange::test_a_phone_goes_from_pairing_to_a_stored_report"): (
        ("inputs are not given", "*(file.sha256 for file in job.package.files), *inputs]",
         "*(file.sha256 for file in job.package.files)]"),
    ),
    ("server.reception", "server_exchange::test_a_report_sent_twice_counts_once"): (
        ("every receipt is the first", "return Receipt(id_, False)", "return Receipt(id_, True)"),
        ("the digest of a repeated report is not compared",
         "[(row.job, row.id, row.digest) for row in stored] == [(job, id_, reported.digest)]",
         "[(row.job, row.id) for row in stored] == [(job, id_)]"),
    ),
    ("server.reception", "server_exchange::test_jobs_of_one_subject_go_to_different_devices"): (
        ("a lease outlives its report", "device=device.id)\n            end_leases(connection, job)",
         "device=device.id)"),
    ),
    ("server.reception", "server_abuse::test_a_device_without_a_job_sends_nothing"): (
        ("the report of another's job is taken", "if not was_given(connection, job, device.id):", "if False:"),
    ),
    ("server.reception", "server_abuse::test_reports_that_do_not_fit_their_job_are_refused"): (
        ("reports are not held against their job", "found = list(faults(report, job, self._blobs))\n        if",
         "found = []\n        if"),
        ("a simulated device reports as a phone",
         "(report.device.kind, report.device.hardware) != (device.identity.kind, device.identity.hardware)",
         "report.device.hardware != device.identity.hardware"),
        ("another hardware than was paired",
         "(report.device.kind, report.device.hardware) != (device.identity.kind, device.identity.hardware)",
         "report.device.kind != device.identity.kind"),
    ),
    ("server.reception", "server_abuse::test_one_report_cannot_stand_for_two_jobs"): (
        ("one report stands for two jobs", "(reports.c.job == job) | (reports.c.id == id_)", "reports.c.job == job"),
    ),
    ("server.reception", "server_reception"): (
        ("millions of elements are read", "> MOST_ELEMENTS:", "> 1000 * MOST_ELEMENTS:"),
        ("an imported report is not marked", '"imported": device is None', '"imported": False'),
        ("an imported report leaves the lease", "device=None)\n            end_leases(connection, job)",
         "device=None)"),
        ("an imported report is not held against its job", "if known is not None:", "if False:"),
        ("an imported report forgets its subject", 'about=known.about if known else "{}"', 'about="{}"'),
    ),
    ("server.inspection", "server_abuse::test_debug_builds_and_simulated_devices_are_kept_apart"): (
        ("a simulator is real", 'if report.device.kind in ("simulated", "simulator"):',
         'if report.device.kind in ("simulated",):'),
        ("a simulated phone is real", 'if report.device.kind in ("simulated", "simulator"):',
         'if report.device.kind in ("simulator",):'),
        ("a debug build is real", 'return "debug" if report.app.configuration == "debug" else "real"', 'return "real"'),
    ),
    ("server.inspection", "server_abuse::test_reports_that_do_not_fit_their_job_are_refused"): (
        ("another package", "if report.package != job.package.identity:", "if False:"),
        ("another plan", "if report.plan != job.plan:", "if False:"),
        ("another job", "if report.job != job.id:", "if False:"),
        ("an empty id", r'"[\w.:+-]{1,64}"', r'"[\w.:+-]{0,64}"'),
        ("a compute unit twice", "len(set(units)) != len(units) or not set(units)", "not set(units)"),
        ("a compute unit that was not asked for", " or not set(units) <= set(job.plan.compute_units):", ":"),
        ("starts without durations", "if len(one.starts_ns) != len(one.durations_ns):", "if False:"),
        ("a negative duration", "(*one.starts_ns, *one.durations_ns, *one.warm_up_ns",
         "(*one.starts_ns, *one.warm_up_ns"),
        ("a negative warm-up", "*one.durations_ns, *one.warm_up_ns, one", "*one.durations_ns, one"),
        ("a negative load of a round", "*one.warm_up_ns, one.load_ns or 0)", "*one.warm_up_ns)"),
        ("a negative cold load", "min((*unit.cold_load_ns, unit.cached_load_ns or 0", "min((unit.cached_load_ns or 0"),
        ("any cost of an operator",
         "if any(each.cost is not None and not 0 <= each.cost <= 1 for each in unit.placements):",
         "if False:"),
        ("outputs of a sample twice", "len(set(named)) != len(named) or not set(named)", "not set(named)"),
        ("outputs of an unknown sample", " or not set(named) <= known:", ":"),
        ("another size than its shape", "if size != tensor.bytes or any(", "if any("),
        ("conditions before the run", "sample.at_ns < 0 or not 0 <=", "not 0 <="),
        ("any level of the battery", " or not 0 <= (sample.battery_level or 0) <= 1 for", " for"),
    ),
    ("server.inspection", "server_abuse::test_outputs_of_another_length_than_is_told_are_refused"): (
        ("a blob of another length", "if path is None or path.stat().st_size != tensor.bytes:", "if path is None:"),
    ),
    ("server.answers", "server_exchange::test_blobs_come_whole_or_from_any_byte_on"): (
        ("a range ends before its last byte", "_chunks(path, first, last - first + 1)",
         "_chunks(path, first, last - first)"),
        ("a range may reach behind the file", "min(int(last), size - 1) if last", "int(last) if last"),
        ("more than the file from its end", "(max(0, size - int(last)), size - 1)", "(size - int(last), size - 1)"),
        ("every range begins at the start", "        stream.seek(start)\n", ""),
        ("the range is told one too long", "bytes {first}-{last}/{size}", "bytes {first}-{last + 1}/{size}"),
        ("a range from its end is one from its start", "if not first:", "if False:"),
    ),
    ("server.blobs", "server_abuse::test_bytes_of_another_hash_are_not_kept"): (
        ("the hash is not compared", "if self._digest.hexdigest() != self._place.name:", "if False:"),
    ),
    ("server.blobs", "server_abuse::test_paths_that_lead_elsewhere_lead_nowhere"): (
        ("a hash and more is a hash", "_DIGEST.fullmatch(text)", "_DIGEST.match(text)"),
        ("capitals are a hash", '"[0-9a-f]{64}"', '"[0-9a-fA-F]{64}"'),
    ),
    ("server.blobs", "server_blobs"): (
        ("what was not kept stays", "        self._partial.unlink(missing_ok=True)\n", ""),
        ("what a killed host left stays", "                    path.unlink()\n", "                    pass\n"),
        ("what another program receives is removed", "                if free:\n", "                if True:\n"),
        ("a file that changed meanwhile is kept", "if not incoming.keep():\n                raise",
         "if incoming.keep() is None:\n                raise"),
    ),
    ("server.reading", "server_abuse::test_a_body_without_end_is_cut_and_not_held"): (
        ("a body without end is read", "        if received > limit:\n            raise _too_large(limit)\n", ""),
    ),
    ("server.reading", "server_abuse::test_a_declared_gigabyte_is_refused_at_once"): (
        ("a declared length is not looked at", " or int(declared) > limit):", "):"),
    ),
    ("server.reading", "server_reading"): (
        ("each piece winds the clock up", "asyncio.timeout_at(started + ",
         "asyncio.timeout_at(asyncio.get_running_loop().time() + "),
        ("a fast sender has no more time than a slow one", " + received / patience.bytes_per_second)", ")"),
    ),
    ("server.guard", "server_abuse::test_a_head_that_trickles_is_cut"): (
        ("each byte winds the clock up", "        elif self._deadline is None:\n",
         "        else:\n            self._unwatch()\n"),
        ("the connection is not cut", "self.transport.abort()", "pass"),
    ),
    ("server.app", "server_gate"): (
        ("any number of requests at once", "if self._inside > _MOST_REQUESTS:", "if False:"),
        ("who has left still counts", "self._inside -= 1", "pass"),
        ("failures are answered as success", "return Refusal(500,", "return Refusal(200,"),
    ),
    ("server.paths", "server_gate"): (
        ("a host that stops keeps phones waiting", "if self._desk.stopping.is_set():", "if False:"),
        ("nobody waits for a job", "until = time.monotonic() + seconds", "until = time.monotonic()"),
        ("a phone waits as long as it likes", " and int(text) <= 60):", "):"),
    ),
    ("server.paths", "server_exchange::test_a_report_sent_twice_counts_once"): (
        ("a repeated report is created anew", "201 if receipt.first else 200", "201"),
    ),
    ("server.paths", "server_exchange::test_an_output_that_is_known_already_needs_no_second_copy"): (
        ("a known output is created anew", "200 if known else 201", "201"),
    ),
    ("campaign.enqueue", "campaign_enqueue"): (
        ("another plan goes on with the same campaign", "[*parts, codec.dumps(plan), str(phones)",
         "[*parts, str(phones)"),
        ("another number of phones too", "codec.dumps(plan), str(phones), str(device)",
         "codec.dumps(plan), str(device)"),
        ("another device too", "str(device), str(files)]", "str(files)]"),
        ("another folder of files too", "str(device), str(files)]", "str(device)]"),
        ("another function too", "{each.package.identity} {each.function}", "{each.package.identity}"),
        ("an interrupted campaign is begun anew", "if any(state.state in OPEN_STATES for state in states):",
         "if False:"),
        ("a finished campaign is gone on with", "if any(state.state in OPEN_STATES for state in states):", "if True:"),
        ("a running job is not open", 'OPEN_STATES = ("waiting", "running")', 'OPEN_STATES = ("waiting",)'),
        ("what is open counts as done", "sum(state.state not in OPEN_STATES", "sum(state.state in OPEN_STATES"),
        ("one phone for all", "for _ in range(phones)", "for _ in range(1)"),
        ("two packages of one content are one subject", 'f"{index}-{each.package.identity}"', "each.package.identity"),
        ("the function is forgotten", "each.samples, plan, each.function)", "each.samples, plan)"),
    ),
    ("campaign.session", "campaign_bench::test_a_simulated_phone_is_given_nothing_that_is_meant_for_real_ones"): (
        ("a simulated phone is given what is meant for real ones", "LAN: REAL_ONLY", "LAN: None"),
    ),
    ("campaign.outcome", "campaign_outcome"): (
        ("simulated results among the real ones", "        query = query.where(reports.c.standing == standing)\n",
         "        pass\n"),
        ("reports of all campaigns", ".where(jobs.c.campaign == campaign)", ""),
        ("the newest first", "scalars().all()[::-1]", "scalars().all()"),
        ("the oldest of so many", "reports.c.received.desc(), reports.c.job.desc()",
         "reports.c.received, reports.c.job"),
        ("only the first hundred", "range(0, len(named), _AT_ONCE)", "range(0, 1)"),
        ("the first of several that begin so", "if len(found) != 1:", "if not found:"),
        ("a name is a beginning even where it is whole", "if name and not found:", "if name:"),
        ("every result begins with nothing", "if name and not found:", "if not found:"),
        ("the device judges alone", "validity=judge(report)", "validity=report.validity"),
        ("a simulated phone beside published ones", 'report.device.kind == "phone"', 'report.device.kind != "mac"'),
        ("an import is not marked", "imported=stored.imported", "imported=False"),
    ),
    ("campaign.device_parity", "campaign_parity"): (
        ("samples are taken in order, not by name", "wanted = expected[sent.sample]",
         "wanted = reference.outputs[len(results)]"),
        ("bytes from the highest", 'np.dtype(tensor.dtype).newbyteorder("<")',
         'np.dtype(tensor.dtype).newbyteorder(">")'),
        ("outputs that are not there pass", "        if missing:\n", "        if False:\n"),
        ("a blob of another length is read", "if path is None or path.stat().st_size != tensor.bytes:",
         "if path is None:"),
        ("only the first sample is compared", "results += compare_outputs(", "results = results or compare_outputs("),
        ("no outputs are no reason", "    if not unit.outputs:\n", "    if False:\n"),
        ("the bar of the export is not asked", "subject.bar_db, frozenset", "0.0, frozenset"),
    ),
    ("campaign.device_parity", "campaign_classifier"): (
        ("labels that are shared are compared", "array.reshape(1, -1)[:, distinct]", "array.reshape(1, -1)"),
    ),
    ("campaign.export_results", "campaign_export"): (
        ("the CSV does not say what is simulated", '        "kind": summary.standing,\n', ""),
        ("every result is valid", '"valid": summary.validity.valid', '"valid": True'),
        ("the reasons are dropped", '"; ".join(summary.validity.reasons)', '""'),
        ("the best output stands for all", '"psnr_db": min(', '"psnr_db": max('),
        ("one equal output is enough", "all(each.passed for each", "any(each.passed for each"),
        ("the interval upside down", '"low_ms": unit.interval.low_ms', '"low_ms": unit.interval.high_ms'),
        ("rounds from zero", "enumerate(unit.rounds, 1)", "enumerate(unit.rounds)"),
        ("starts for durations", '"duration_ns": spent', '"duration_ns": start'),
        ("the median for ModelBench's", 'figures.get("modelbench")', 'figures.get("median")'),
        ("cached for cold", '"cold_load_ms": unit.cold_load_ms', '"cold_load_ms": unit.cached_load_ms'),
        ("failures are not told", "unit.failure.message if unit.failure else None", "None"),
        ("only summaries in the JSON", '"report": json.loads(stored.document)', '"report": None'),
    ),
    ("campaign.simulated", "campaign_simulated"): (
        ("one that ended ends all", "if all(process.poll() is not None", "if any(process.poll() is not None"),
        ("nobody is missed", "if all(process.poll() is not None", "if not all(True or process.poll() is not None"),
        ("phones outlive the campaign", "            process.terminate()", "            pass"),
        ("a stubborn phone outlives it", "                process.kill()\n                process.wait()",
         "                pass"),
    ),
    ("campaign.watch", "campaign_watch"): (
        ("the end of one job is the end", "if not any(state.state in OPEN_STATES for state in states):",
         "if not all(state.state in OPEN_STATES for state in states):"),
        ("lost leases are never taken back",
         "        host.queue.expire()\n        states = host.queue.states(campaign)",
         "        states = host.queue.states(campaign)"),
        ("a change is told again and again", "            self._last[state.id] = (state.state, state.device)\n", ""),
        ("the reason is kept quiet", "{state.reason or 'no reason was given'}", "no reason was given"),
        ("waiting jobs run", 'if state.state == "running":', 'if state.state != "reported":'),
    ),
}  # fmt: skip

HOST_MUTANTS: tuple[Mutant, ...] = tuple(
    Mutant(what, module, original, broken, tests, HOST)
    for (module, tests), rows in _TABLE.items()
    for what, original, broken in rows
)
