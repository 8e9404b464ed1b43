"""Errors of the local stack."""

import os

CANNOT_START = os.EX_CONFIG  # the exit code of a program that another try would not help


class StackError(Exception):
    """A condition the user can act on. Printed as a Chinese and an English sentence, without a traceback."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh}\n{en}")
        self.zh = zh
        self.en = en
