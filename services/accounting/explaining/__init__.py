"""Explanations of stored activities for citizens."""
