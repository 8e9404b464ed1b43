"""Equations between stored figures that always hold."""
