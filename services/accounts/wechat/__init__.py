"""Calls to WeChat, all server-side."""
