"""Finds times in an answer that are not as the contract wants them: +08:00 and whole seconds."""

import re

import httpx

_TIME = re.compile(r'"(\d{4}-\d\d-\d\dT[^"]*)"')
_GOOD = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00")


def times_of(answer: httpx.Response) -> list[str]:
    return _TIME.findall(answer.text)


def wrong_times_of(answer: httpx.Response) -> list[str]:
    return [time for time in times_of(answer) if not _GOOD.fullmatch(time)]
