"""Drafts of methodologies, and proposals of factors and retirements."""
