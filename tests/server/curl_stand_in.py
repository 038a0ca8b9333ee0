"""What docs/protocol.md asks of curl, for machines that have none. No import of the package: it runs by itself."""

from __future__ import annotations

import http.client
import re
import sys
import urllib.parse
from pathlib import Path


def main(arguments: list[str]) -> None:
    method, address, body, output, shown, headers = None, "", None, None, False, {}
    rest = iter(arguments)
    for argument in rest:
        if argument in ("-s", "-si"):
            shown = "i" in argument
        elif argument == "-X":
            method = next(rest)
        elif argument == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif argument == "--data-binary":
            body = Path(re.fullmatch("@(.+)", next(rest))[1]).read_bytes()
        elif argument == "-o":
            output = Path(next(rest))
        else:
            assert argument.startswith("http://"), argument
            address = argument
    answer, content = ask(method or ("POST" if body is not None else "GET"), address, body, headers)
    head = f"HTTP/1.1 {answer.status} {answer.reason}\n" + "".join(f"{k}: {v}\n" for k, v in answer.getheaders()) + "\n"
    if output is not None:
        output.write_bytes(content)
    else:
        sys.stdout.buffer.write((head.encode() if shown else b"") + content)


def ask(method: str, address: str, body: bytes | None, headers: dict[str, str]):
    place = urllib.parse.urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    connection.request(method, place.path + (f"?{place.query}" if place.query else ""), body, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


if __name__ == "__main__":
    main(sys.argv[1:])
