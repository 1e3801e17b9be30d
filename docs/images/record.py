"""Runs the commands below and writes what they print as an animated picture of a terminal: terminal.svg.

usage: record.py KUBESQL

KUBESQL is the program, for example target/release/kubesql. psql must be installed, and ports 5432 and 8080 must be free.
"""

import html
import os
import pathlib
import subprocess
import sys

SERVE = "kubesql serve --demo &"
COMMANDS = [
    'psql -h 127.0.0.1 -c "select phase, count(*) from pods group by phase order by 2 desc"',
    """psql -h 127.0.0.1 -c 'select namespace, pod, restartcount, "state.waiting.reason"
  from containers where "state.waiting.reason" is not null order by restartcount desc, pod limit 4'""",
    """psql -h 127.0.0.1 -c 'select nodename, count(distinct uid) as pods, round(sum("requests.cpu"), 1) as cpu
  from pods join containers using (uid) group by nodename order by cpu desc limit 3'""",
]

COLUMNS, LINE, CHARACTER, MARGIN, TITLE = 110, 19, 8.43, 16, 34
SECONDS = 1.2  # between one command and the next


def record(kubesql):
    """Pairs of a command and its output."""
    program = pathlib.Path(kubesql).resolve()
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PSQLRC": "/dev/null", "PGUSER": "me"}
    serve = subprocess.Popen([program, "serve", "--demo"], stdout=subprocess.PIPE, text=True)
    try:
        steps = [(SERVE, "".join(serve.stdout.readline() for _ in range(2)))]
        for command in COMMANDS:
            ran = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=True)
            steps.append((command, ran.stdout.rstrip("\n") + "\n"))
        return steps
    finally:
        serve.terminate()
        serve.wait()


def lines(steps):
    """Lines of the picture: the number of the step, the class, the text."""
    for number, (command, output) in enumerate(steps):
        for at, line in enumerate(command.split("\n")):
            yield number, "command", ("$ " if at == 0 else "> ") + line
        for line in output.rstrip("\n").split("\n"):
            while len(line) > COLUMNS:
                yield number, "output", line[:COLUMNS]
                line = line[COLUMNS:]
            yield number, "output", line.rstrip()


def picture(steps):
    rows = list(lines(steps))
    width, height = COLUMNS * CHARACTER + 2 * MARGIN, TITLE + len(rows) * LINE + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}">',
        "<title>kubesql serves the demo cluster to psql</title>",
        "<style>",
        "text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace; white-space: pre }",
        ".command { fill: #e6edf3; font-weight: 600 } .output { fill: #adbac7 }",
        "g { animation: show 0.2s both } @keyframes show { from { opacity: 0 } to { opacity: 1 } }",
        "@media (prefers-reduced-motion: reduce) { g { animation: none } }",
        "</style>",
        f'<rect width="100%" height="100%" rx="8" fill="#161b22"/>',
    ]
    for at, color in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        parts.append(f'<circle cx="{MARGIN + 8 + 20 * at}" cy="{TITLE / 2 + 2:.0f}" r="6" fill="{color}"/>')
    open_step = None
    for at, (number, kind, text) in enumerate(rows):
        if number != open_step:
            parts.append("</g>" * (open_step is not None) + f'<g style="animation-delay: {number * SECONDS:.1f}s">')
            open_step = number
        y = TITLE + MARGIN + at * LINE + 8
        # The length keeps columns aligned, whatever font is there.
        length = f' textLength="{len(text) * CHARACTER:.1f}"' if len(text) > 1 else ""
        parts.append(
            f'<text xml:space="preserve" class="{kind}" x="{MARGIN}" y="{y}"{length}>{html.escape(text, quote=False)}</text>'
        )
    parts.append("</g>\n</svg>\n")
    return "\n".join(parts)


if len(sys.argv) != 2:
    sys.exit(__doc__)
pathlib.Path(__file__).with_name("terminal.svg").write_text(picture(record(sys.argv[1])))
