"""The operators' part of campaigns: open and change them with two persons, close them with one."""
