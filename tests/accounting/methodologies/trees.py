"""Random formulas over the names x and y."""

from hypothesis import strategies as st

NUMBERS = st.decimals(0, 999, places=2).map(lambda d: str(d).rstrip("0").rstrip(".") or "0")
LEAVES = NUMBERS | st.sampled_from(["x", "y"])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda t: f"(-{t})"),
        inner.map(lambda t: f"floor({t})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        st.tuples(inner, st.sampled_from(["<", "<=", ">", ">=", "=="]), inner, inner, inner).map(
            lambda t: f"if({t[0]} {t[1]} {t[2]}, {t[3]}, {t[4]})"
        ),
    ),
    max_leaves=12,
)
