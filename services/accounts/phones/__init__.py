"""One verified phone number per person."""
