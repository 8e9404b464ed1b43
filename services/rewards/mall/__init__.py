"""The operators' mall: drafts, publication, changes and stock of items."""
