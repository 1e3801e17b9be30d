"""Measures a server over the demo cluster, and prints the figures of docs/benchmarks.md.

usage: measure.py KUBESQL [PODS]

KUBESQL is a release build. Linux only. Python's standard library is enough.
"""

import http.client
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 50
STATEMENTS = [
    ("count the pods of each phase", "select phase, count(*) from pods group by phase"),
    ("pods with a label", """select namespace, name from pods where "labels.team" = '{team}'"""),
    ("all columns of one pod", "select * from pods where namespace = '{namespace}' and name = '{name}'"),
    (
        "CPU requests of each node (join of pods and containers)",
        'select p.nodename, sum(c."requests.cpu") from pods p join containers c on c.uid = p.uid group by p.nodename',
    ),
]


def ask(connection, sql):
    connection.request("POST", "/api/v1/query", json.dumps({"sql": sql}), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    answer = json.load(reply)
    if reply.status != 200:
        sys.exit(f"{sql}: {answer}")
    return answer["rows"]


def start(*command):
    """A process, and the first line that it prints."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline()


def seconds(*command):
    """How long a command takes."""
    begun = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - begun


def memory(process):
    """Megabytes of memory."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    total = int(re.search(r"MemTotal:\s+(\d+) kB", pathlib.Path("/proc/meminfo").read_text())[1])
    return f"{model[1] if model else 'unknown processor'}, {os.cpu_count()} cores, {total / 1048576:.0f} GiB"


def row(what, figure, unit):
    print(f"| {what} | {figure:,.1f} {unit} |")


def measure(kubesql, kubeconfig):
    begun = time.monotonic()
    server, line = start(kubesql, "serve", "--kubeconfig", kubeconfig, "--pg", "off", "--http", "127.0.0.1:0", "--watch", "pods")
    try:
        connection = http.client.HTTPConnection(re.search(r"127\.0\.0\.1:\d+", line)[0])
        [[count]] = ask(connection, "select count(*) from pods")
        row(f"first answer after the start: {count:,} pods are listed and decoded", time.monotonic() - begun, "s")
        time.sleep(5)
        row("memory of the server", memory(server), "MB")
        [[team]] = ask(connection, 'select "labels.team" from pods where "labels.team" is not null group by 1 order by count(*) desc, 1 limit 1')
        [[namespace, name]] = ask(connection, "select namespace, name from pods order by 1, 2 limit 1")
        for what, sql in STATEMENTS:
            sql = sql.format(team=team, namespace=namespace, name=name)
            times = []
            for _ in range(RUNS):
                begun = time.monotonic()
                ask(connection, sql)
                times.append((time.monotonic() - begun) * 1e3)
            row(f"{what}, median of {RUNS}", statistics.median(times), "ms")
    finally:
        server.terminate()
        server.wait()
    query = [kubesql, "query", "--kubeconfig", kubeconfig]
    row("`kubesql query` without a server: count all pods", seconds(*query, "select count(*) from pods"), "s")
    one = f"select count(*) from pods where namespace = '{namespace}'"
    row("the same for one namespace", seconds(*query, one) * 1e3, "ms")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    kubesql, pods = sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 50_000
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = f"{folder}/kubeconfig"
        demo, _ = start(kubesql, "demo", "--pods", str(pods), "--nodes", str(pods // 100), "--write-kubeconfig", kubeconfig)
        try:
            print(f"{machine()}\n\n| | |\n|---|--:|")
            measure(kubesql, kubeconfig)
        finally:
            demo.terminate()


main()
