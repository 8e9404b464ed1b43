"""Enterprises (企业碳账户): the register of their codes, kinds, states and contacts."""
