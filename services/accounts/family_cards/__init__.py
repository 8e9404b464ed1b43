"""Family cards (亲情卡): carbon accounts of people without a smartphone, with a proxy or a service window."""
