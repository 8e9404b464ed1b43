"""The process that serves the documentation pages, apart from the services."""
