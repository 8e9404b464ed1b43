"""What stops the local stack, said to a person."""


class StackError(Exception):
    """A condition the person at the keyboard can act on; printed as two sentences, without a traceback."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh}\n{en}")
        self.zh = zh
        self.en = en
