"""Which methodology version applies to an act."""


class MethodologyIndex:
    pass
