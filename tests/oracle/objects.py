"""Objects in JSON files, read and flattened with the standard library only."""

import json
import re
from datetime import datetime, timedelta, timezone
from fractions import Fraction

SUFFIXES = {"": 1, "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000)}
SUFFIXES |= {s: 1000 ** (i + 1) for i, s in enumerate(("k", "M", "G", "T", "P", "E"))}
SUFFIXES |= {s: 1024 ** (i + 1) for i, s in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))}


def quantity(text):
    """The exact number of a quantity, or None."""
    match = re.fullmatch(r"([+-]?)(\d+\.?\d*|\.\d+)(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i))?", str(text))
    if not match:
        return None
    sign, digits, exponent, suffix = match.groups()
    number = Fraction(digits) * (Fraction(10) ** int(exponent[1:]) if exponent else SUFFIXES[suffix or ""])
    return -number if sign == "-" else number


def cores(text):
    number = None if text is None else quantity(text)
    return None if number is None else float(number)


def base_units(text):
    """Whole units, rounded away from zero and bounded by 64 bits, as Kubernetes does."""
    number = None if text is None else quantity(text)
    if number is None:
        return None
    whole = -(-number.numerator // number.denominator) if number > 0 else number.numerator // number.denominator
    return max(-(2**63), min(2**63 - 1, whole))


def micros(text):
    """Microseconds since 1970 of an RFC 3339 text, or None."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", text or "")
    if not match:
        return None
    day, time, fraction, zone = match.groups()
    moment = datetime.fromisoformat(f"{day}T{time}" + ("+00:00" if zone in "Zz" else zone))
    whole = (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)
    return whole + int(((fraction or "") + "000000")[:6])


def get(value, path, default=None):
    """The value at a dotted path, or None."""
    for word in path.split("."):
        value = value.get(word) if isinstance(value, dict) else None
        if value is None:
            return default
    return value


def objects_of(path):
    """Every object of a file as (apiVersion, kind, object), with None for missing fields."""
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    listed = document.get("items") if isinstance(document, dict) else document
    if isinstance(document, dict) and listed is None:
        listed, of = [document], None
    else:
        of = document if isinstance(document, dict) else None
    found = []
    for item in listed:
        version, kind = item.get("apiVersion"), item.get("kind")
        if kind is None and of is not None and str(of.get("kind", "")).endswith("List") and of["kind"] != "List":
            version, kind = of.get("apiVersion"), of["kind"].removesuffix("List")
        if kind is None or version is None:
            return None
        found.append((version, kind, item))
    return found
