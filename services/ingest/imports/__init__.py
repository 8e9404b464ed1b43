"""Imports files of up to millions of events. They are uploaded in signed parts; the worker reads them in blocks."""
