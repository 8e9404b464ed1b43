"""The error that ends a command."""


class CommandError(Exception):
    """One sentence in each language. It is shown without a traceback."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en
