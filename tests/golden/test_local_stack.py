"""The methodology that only the local stack publishes: its examples hold, and it overlaps nothing of the city."""

from deploy.local.plan import HOUSEHOLD_METHODOLOGY
from services.accounting.judging.examples import run_example
from services.accounting.methodologies.compiled import compile_methodology
from services.accounting.methodologies.document import parse_methodology
from services.accounting.methodologies.library import library_factors, library_methodologies
from services.accounting.methodologies.matching import MethodologyIndex


def test_the_household_methodology_of_the_local_stack_stands_beside_the_citys() -> None:
    document = parse_methodology(HOUSEHOLD_METHODOLOGY.read_text(encoding="utf-8"))[0]
    compiled = compile_methodology(document, library_factors())
    assert [run_example(one, compiled).amount_mg for one in document.examples] == [61_800]
    assert (document.subject, document.source_status, document.issuable) == ("household", "unverified", False)
    city = [compile_methodology(one, library_factors()) for one in library_methodologies()]
    assert document.code not in {one.code for one in city}
    MethodologyIndex([*city, compiled])  # raises for an overlap
