"""Reports of our own services, for sources that cannot sign: the steps that WeChat counted."""
