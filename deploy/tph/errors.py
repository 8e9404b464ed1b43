"""What the command line says when it cannot go on."""


class Complaint(Exception):
    """One sentence in each language; shown without a traceback."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en
